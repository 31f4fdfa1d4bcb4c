#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/arena.h"
#include "base/text.h"
#include "ingress/message.h"

namespace ingress {
namespace {

// A name in lower case. `fold` has the bit that makes a letter lower case, at every letter.
struct alignas(64) KnownName {
  static constexpr std::size_t kMaxBytes = 24;
  constexpr KnownName() = default;
  constexpr KnownName(std::string_view name, HeaderId its_id)
      : id(its_id), size(static_cast<std::uint8_t>(name.size())) {
    for (std::size_t i = 0; i < name.size(); ++i) {
      text[i] = name[i];
      fold[i] = name[i] >= 'a' && name[i] <= 'z' ? 0x20 : 0;
    }
  }
  std::array<char, kMaxBytes> text{};
  std::array<char, kMaxBytes> fold{};
  HeaderId id = HeaderId::kOther;
  std::uint8_t size = 0;
};

template <typename Word>
bool is_word_at(const char* name, const KnownName& known, std::size_t at) {
  Word word, text, fold;
  std::memcpy(&word, name + at, sizeof word);
  std::memcpy(&text, known.text.data() + at, sizeof text);
  std::memcpy(&fold, known.fold.data() + at, sizeof fold);
  return (word | fold) == text;
}

// `name` has the size of `known`. Word by word; the last one overlaps the one before it.
bool is_known(const char* name, const KnownName& known) {
  const std::size_t size = known.size;
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) {
      if (!is_word_at<std::uint64_t>(name, known, at)) return false;
    }
    return is_word_at<std::uint64_t>(name, known, size - 8);
  }
  if (size >= 4)
    return is_word_at<std::uint32_t>(name, known, 0) && is_word_at<std::uint32_t>(name, known, size - 4);
  return is_word_at<std::uint16_t>(name, known, 0) && is_word_at<std::uint16_t>(name, known, size - 2);
}

constexpr std::array kKnownNames = {
    KnownName{"connection", HeaderId::kConnection},
    KnownName{"content-length", HeaderId::kContentLength},
    KnownName{"content-type", HeaderId::kContentType},
    KnownName{"date", HeaderId::kDate},
    KnownName{"expect", HeaderId::kExpect},
    KnownName{"forwarded", HeaderId::kForwarded},
    KnownName{"host", HeaderId::kHost},
    KnownName{"keep-alive", HeaderId::kKeepAlive},
    KnownName{"proxy-authenticate", HeaderId::kProxyAuthenticate},
    KnownName{"proxy-authorization", HeaderId::kProxyAuthorization},
    KnownName{"proxy-connection", HeaderId::kProxyConnection},
    KnownName{"server", HeaderId::kServer},
    KnownName{"te", HeaderId::kTe},
    KnownName{"trailer", HeaderId::kTrailer},
    KnownName{"transfer-encoding", HeaderId::kTransferEncoding},
    KnownName{"upgrade", HeaderId::kUpgrade},
    KnownName{"x-forwarded-for", HeaderId::kXForwardedFor},
    KnownName{"x-forwarded-host", HeaderId::kXForwardedHost},
    KnownName{"x-forwarded-port", HeaderId::kXForwardedPort},
    KnownName{"x-forwarded-proto", HeaderId::kXForwardedProto},
    KnownName{"x-request-id", HeaderId::kXRequestId},
};

// Two bytes at `p` as a number, in an order that is the same everywhere.
constexpr std::uint32_t two_bytes(const char* p) {
  return static_cast<unsigned char>(p[0]) | static_cast<std::uint32_t>(static_cast<unsigned char>(p[1])) << 8;
}

// Of a name of two bytes or more; without collisions among the names above: a new name may need another last
// factor, and the compiler says so. Letters fold to lower case by one bit; what that does to other bytes, the
// comparison sorts out.
constexpr std::size_t hash_name(std::string_view name) {
  const std::uint32_t ends =
      (two_bytes(name.data()) | two_bytes(name.data() + name.size() - 2) << 16) | 0x20202020u;
  return ((ends + static_cast<std::uint32_t>(name.size()) * 0x01000193u) * 0x6421e5f9u) >> 27;
}

constexpr std::array<KnownName, 32> make_name_table() {
  std::array<KnownName, 32> table{};
  for (const KnownName& known : kKnownNames) table[hash_name({known.text.data(), known.size})] = known;
  return table;
}
constexpr std::array<KnownName, 32> kNameTable = make_name_table();
// Of that table, close together: most names are none of these, and their size says so.
constexpr std::array<std::uint8_t, 32> kNameSizes = [] {
  std::array<std::uint8_t, 32> sizes{};
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = kNameTable[i].size;
  return sizes;
}();
static_assert(std::ranges::count_if(kNameTable, [](const KnownName& entry) { return entry.size != 0; }) ==
              std::ssize(kKnownNames));

}  // namespace

HeaderId to_header_id(std::string_view name) {
  if (name.size() < 2) return HeaderId::kOther;
  const std::size_t at = hash_name(name);
  if (kNameSizes[at] != name.size()) return HeaderId::kOther;
  return is_known(name.data(), kNameTable[at]) ? kNameTable[at].id : HeaderId::kOther;
}

Headers::Headers() = default;
Headers::~Headers() = default;
Headers::Headers(Headers&& other) noexcept
    : fields_(std::move(other.fields_)),
      ids_(std::exchange(other.ids_, 0)),
      storage_(std::move(other.storage_)) {}
Headers& Headers::operator=(Headers&& other) noexcept {
  fields_ = std::move(other.fields_);
  ids_ = std::exchange(other.ids_, 0);
  storage_ = std::move(other.storage_);
  return *this;
}

namespace {

// Equal ids settle it for known names; only unknown ones are compared byte by byte.
bool has_name(const HeaderField& field, std::string_view name, HeaderId id) {
  return field.id == id && (id != HeaderId::kOther || base::equals_ignore_case(field.name, name));
}

}  // namespace

std::optional<std::string_view> Headers::get(std::string_view name) const {
  const HeaderId id = to_header_id(name);
  for (const HeaderField& field : fields_) {
    if (has_name(field, name, id)) return field.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Headers::get(HeaderId id) const {
  if (!has(id)) return std::nullopt;
  for (const HeaderField& field : fields_) {
    if (field.id == id) return field.value;
  }
  return std::nullopt;
}

void Headers::set(std::string_view name, std::string_view value) {
  const HeaderId id = to_header_id(name);
  const auto first =
      std::ranges::find_if(fields_, [&](const HeaderField& field) { return has_name(field, name, id); });
  if (first == fields_.end()) return add(name, value);
  // Copied before anything goes: `name` and `value` may be those of a field of this list.
  const HeaderField field{keep(name), keep(value), id};
  const auto later = std::remove_if(
      first + 1, fields_.end(), [&](const HeaderField& other) { return has_name(other, field.name, id); });
  fields_.erase(later, fields_.end());
  *first = field;
  ids_ |= bit(id);
}

void Headers::add(std::string_view name, std::string_view value) {
  push(keep(name), keep(value), to_header_id(name), false, false);
}

char* Headers::take_room(std::size_t size) {
  return storage().take(size);
}

std::size_t Headers::remove(std::string_view name) {
  const HeaderId id = to_header_id(name);
  if (id != HeaderId::kOther) return remove(id);
  return std::erase_if(fields_, [&](const HeaderField& field) { return has_name(field, name, id); });
}

std::size_t Headers::remove_any(IdSet ids) {
  if (!has_any(ids)) return 0;
  ids_ &= ~ids;
  return std::erase_if(fields_, [ids](const HeaderField& field) { return (bit(field.id) & ids) != 0; });
}

void Headers::assign(const Headers& other) {
  clear();
  fields_.reserve(other.size());
  for (const HeaderField& field : other)
    push(keep(field.name), keep(field.value), field.id, field.is_checked, false);
}

void RequestHead::assign(const RequestHead& other) {
  headers_.assign(other.headers_);
  method_ = headers_.keep(other.method_);
  host_ = headers_.keep(other.host_), authority_ = headers_.keep(other.authority_);
  path_ = headers_.keep(other.path_), query_ = headers_.keep(other.query_);
  port_ = other.port_, has_query_ = other.has_query_, version_ = other.version_;
}

std::string_view Headers::keep(std::string_view text) {
  return text.empty() ? std::string_view() : storage().copy(text);
}

void Headers::clear() {
  fields_.clear();
  ids_ = 0;
  if (storage_) storage_->reset();
}

void Headers::release() {
  fields_ = std::vector<HeaderField>();
  ids_ = 0;
  storage_.reset();
}

base::Arena& Headers::storage() {
  if (!storage_) storage_ = std::make_unique<base::Arena>();
  return *storage_;
}

}  // namespace ingress
