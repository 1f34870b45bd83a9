#pragma once

#include "runtime/node/config/keys.hpp"
#include "runtime/node/config/value.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Is a single value what its key takes?
namespace coppice::config {

/// Why a value is wrong; `expected` empty: what the row expects.
struct complaint {
  std::string found;
  std::string expected;
  std::string hint;
};

using verdict = std::optional<complaint>;

/// An element, when the key takes a list of scalars.
verdict check_scalar(const value& x, const key_info& key);

/// Is it one of key.words?
verdict check_word(const value& x, const key_info& key);

/// The name that was probably meant; empty when there is none.
std::string slug(std::string_view text);

} // namespace coppice::config
