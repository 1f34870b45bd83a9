#pragma once

#include "runtime/base/errc.hpp"

#include <string>

namespace coppice {

/// What went wrong, where, and what would be right.
struct error {
  errc code = errc::none;
  std::string message; ///< For people; a sentence without a final period.
  std::string at;      ///< JSON pointer, file:line, path or flag; empty when there is no place.
  std::string hint;    ///< The nearest right thing; empty when there is none.

  bool operator==(const error&) const = default;
};

/// `message (at: hint ...)` on one line, for logs and terminals.
inline std::string to_string(const error& x) {
  std::string out = x.at.empty() ? x.message : x.at + ": " + x.message;
  if (!x.hint.empty())
    out += " (did you mean '" + x.hint + "'?)";
  return out;
}

template <class Inspector>
bool inspect(Inspector& f, error& x) {
  if constexpr (requires { f.has_human_readable_format(); }) {
    if (f.has_human_readable_format()) {
      auto get = [&x] { return std::string{to_string(x.code)}; };
      auto set = [&x](const std::string& name) {
        auto code = errc_from_string(name);
        x.code = code.value_or(errc::none);
        return code.has_value();
      };
      return f.object(x).fields(f.field("code", get, set), f.field("message", x.message),
                                f.field("at", x.at), f.field("hint", x.hint));
    }
  }
  auto get = [&x] { return static_cast<uint8_t>(x.code); };
  auto set = [&x](uint8_t code) {
    x.code = info(static_cast<errc>(code)).code;
    return true;
  };
  return f.object(x).fields(f.field("code", get, set), f.field("message", x.message),
                            f.field("at", x.at), f.field("hint", x.hint));
}

} // namespace coppice
