#include <algorithm>
#include <utility>

#include "base/arena.h"
#include "base/text.h"
#include "http/header_names.h"
#include "ingress/message.h"

namespace ingress {

HeaderId to_header_id(std::string_view name) {
  return http::find_header_id(name);
}

Headers::Headers() = default;
Headers::~Headers() = default;
Headers::Headers(Headers&& other) noexcept {
  *this = std::move(other);
}
Headers& Headers::operator=(Headers&& other) noexcept {
  fields_ = std::move(other.fields_);
  end_ = std::exchange(other.end_, nullptr);
  room_end_ = std::exchange(other.room_end_, nullptr);
  facts_ = std::exchange(other.facts_, {});
  storage_ = std::move(other.storage_);
  return *this;
}

void Headers::grow() {
  constexpr std::size_t kFirstRoom = 16;
  const std::size_t size = this->size();
  const std::size_t room = std::max(kFirstRoom, 2 * size);
  auto larger = std::make_unique_for_overwrite<HeaderField[]>(room);
  std::copy(begin(), end(), larger.get());
  fields_ = std::move(larger);
  end_ = fields_.get() + size;
  room_end_ = fields_.get() + room;
}

void Headers::push_single(std::string_view name, std::string_view value, HeaderId id, bool is_checked) {
  push({name, value, id, is_checked});
  note_lines(bit(id), 0, name.size() + value.size() + kLineExtra);
  facts_.has_single = true;
}

namespace {

// Equal ids settle it for known names; only unknown ones are compared byte by byte.
bool has_name(const HeaderField& field, std::string_view name, HeaderId id) {
  return field.id == id && (id != HeaderId::kOther || base::equals_ignore_case(field.name, name));
}

}  // namespace

std::optional<std::string_view> Headers::get(std::string_view name) const {
  const HeaderId id = to_header_id(name);
  for (const HeaderField& field : *this) {
    if (has_name(field, name, id)) return field.value;
  }
  return std::nullopt;
}

void Headers::set(std::string_view name, std::string_view value) {
  const HeaderId id = to_header_id(name);
  const auto is_it = [&](const HeaderField& field) { return has_name(field, name, id); };
  HeaderField* const first = std::find_if(fields_.get(), end_, is_it);
  if (first == end_) return add(name, value);
  // Copied before anything goes: `name` and `value` may be those of a field of this list.
  const HeaderField field{keep(name), keep(value), id};
  remove_if([&](const HeaderField& other) { return &other > first && has_name(other, field.name, id); });
  *first = field;
  note_lines(bit(id), 0, field.name.size() + field.value.size() + kLineExtra);
  facts_.has_single = true;
}

void Headers::add(std::string_view name, std::string_view value) {
  push_single(keep(name), keep(value), to_header_id(name), false);
}

char* Headers::take_room(std::size_t size) {
  return storage().take(size);
}

std::size_t Headers::remove(std::string_view name) {
  const HeaderId id = to_header_id(name);
  if (id != HeaderId::kOther) return remove(id);
  return remove_if([&](const HeaderField& field) { return has_name(field, name, id); });
}

std::size_t Headers::remove_any(IdSet ids) {
  if (!has_any(ids)) return 0;
  facts_.ids &= ~ids;
  return remove_if([ids](const HeaderField& field) { return (bit(field.id) & ids) != 0; });
}

void Headers::assign(const Headers& other) {
  clear();
  for (const HeaderField& field : other)
    push_single(keep(field.name), keep(field.value), field.id, field.is_checked);
}

void RequestHead::assign(const RequestHead& other) {
  headers_.assign(other.headers_);
  method_ = headers_.keep(other.method_);
  host_ = headers_.keep(other.host_), authority_ = headers_.keep(other.authority_);
  path_ = headers_.keep(other.path_), query_ = headers_.keep(other.query_);
  port_ = other.port_, has_query_ = other.has_query_, version_ = other.version_;
  is_checked_ = other.is_checked_;
}

std::string_view Headers::keep(std::string_view text) {
  return text.empty() ? std::string_view() : storage().copy(text);
}

void Headers::clear() {
  end_ = fields_.get();
  facts_ = {};
  if (storage_) storage_->reset();
}

void Headers::release() {
  fields_.reset();
  end_ = room_end_ = nullptr;
  facts_ = {};
  storage_.reset();
}

base::Arena& Headers::storage() {
  if (!storage_) storage_ = std::make_unique<base::Arena>();
  return *storage_;
}

}  // namespace ingress
