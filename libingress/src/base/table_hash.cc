#include "base/table_hash.h"

#include "base/hash.h"

namespace ingress::base {

TableHashKey make_table_hash_key() {
  return {hash_text("table start"), hash_text("table word"), hash_text("table end")};
}

}  // namespace ingress::base
