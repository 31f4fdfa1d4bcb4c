#include "http/second_reader.h"

#include <llhttp.h>

namespace ingress::http {
namespace {

// What the callbacks compare with. llhttp gives each span in one piece, since it gets the head whole.
struct Comparison {
  const char* head;
  std::span<const FieldSpan> fields;
  std::size_t num_names = 0;
  std::size_t num_values = 0;
};

Comparison& comparison_of(llhttp_t* parser) {
  return *static_cast<Comparison*>(parser->data);
}

int on_name(llhttp_t* parser, const char* at, std::size_t size) {
  Comparison& seen = comparison_of(parser);
  if (seen.num_names == seen.fields.size()) return -1;
  const FieldSpan& field = seen.fields[seen.num_names++];
  return at == seen.head + field.name && size == field.name_end - field.name ? 0 : -1;
}

int on_value(llhttp_t* parser, const char* at, std::size_t size) {
  Comparison& seen = comparison_of(parser);
  if (seen.num_values == seen.fields.size()) return -1;
  const FieldSpan& field = seen.fields[seen.num_values++];
  if (size == 0) return field.value == field.value_end ? 0 : -1;
  // White space behind the value is in both spans.
  return at == seen.head + field.value && size == field.value_end - field.value ? 0 : -1;
}

// The body is not llhttp's: it stops behind the empty line.
int on_headers_complete(llhttp_t*) {
  return HPE_PAUSED;
}

const llhttp_settings_t* settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_header_field = on_name;
    made.on_header_value = on_value;
    made.on_headers_complete = on_headers_complete;
    return made;
  }();
  return &kSettings;
}

}  // namespace

bool second_reader_agrees(SectionKind kind, std::string_view head, const StartLine& line,
                          std::span<const FieldSpan> fields) {
  Comparison seen{.head = head.data(), .fields = fields};
  const bool is_request = kind == SectionKind::kRequestHead;
  llhttp_t parser;
  llhttp_init(&parser, is_request ? HTTP_REQUEST : HTTP_RESPONSE, settings());
  parser.data = &seen;
  const char* from = head.data();
  if (is_request) {
    if (llhttp_execute(&parser, "GET", 3) != HPE_OK) return false;
    from += line.method_end;
  }
  const char* const end = head.data() + head.size();
  return llhttp_execute(&parser, from, static_cast<std::size_t>(end - from)) == HPE_PAUSED &&
         llhttp_get_error_pos(&parser) == end && seen.num_names == fields.size() &&
         llhttp_get_http_major(&parser) == 1 &&
         llhttp_get_http_minor(&parser) == (line.version == HttpVersion::kHttp11 ? 1 : 0) &&
         (is_request || llhttp_get_status_code(&parser) == line.status);
}

}  // namespace ingress::http
