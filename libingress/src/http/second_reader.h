// llhttp as a second, independent reader of a head that our own scan has accepted.
//
// Request smuggling lives where two readers of the same bytes disagree. A head goes on only when llhttp,
// with every lenient flag off, finds the same end, version and fields as we did.
#pragma once

#include <span>
#include <string_view>

#include "http/head_scanner.h"

namespace ingress::http {

// `head` is a whole section with its empty line. llhttp sees "GET" in place of the method: which
// methods exist is not its question, and it knows some forty only. No state is kept; costs one pass.
bool second_reader_agrees(SectionKind kind, std::string_view head, const StartLine& line,
                          std::span<const FieldSpan> fields);

}  // namespace ingress::http
