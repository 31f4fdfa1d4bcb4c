#include "http/h2_priority.h"

#include "base/text.h"

namespace ingress::http {
namespace {

bool take_urgency(H2Priority& to, std::string_view value) {
  if (value.size() != 1 || value.front() < '0' || value.front() > '7') return false;
  to.urgency = static_cast<std::uint8_t>(value.front() - '0');
  return true;
}

// `value`: what stands behind the equals sign; of a key that stands alone it is true (RFC 8941 3.2).
bool take_incremental(H2Priority& to, std::optional<std::string_view> value) {
  to.is_incremental = !value || *value == "?1";
  return to.is_incremental || *value == "?0";
}

}  // namespace

std::optional<H2Priority> parse_priority(std::string_view text) {
  H2Priority priority;
  while (auto member = base::next_list_element(text)) {
    const std::string_view item = base::trim_ows(member->substr(0, member->find(';')));
    const std::size_t equals = item.find('=');
    const std::string_view key = item.substr(0, equals);
    std::optional<std::string_view> value;
    if (equals != std::string_view::npos) value = item.substr(equals + 1);
    const bool is_known = key == "u" ? take_urgency(priority, value.value_or(""))
                                     : key != "i" || take_incremental(priority, value);
    if (!is_known) return std::nullopt;
  }
  return priority;
}

}  // namespace ingress::http
