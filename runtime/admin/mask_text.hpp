#pragma once

#include <string>
#include <string_view>

namespace coppice::admin {

/// A configuration's text with the values of secret keys, passwords in URLs and block texts below secret keys replaced by
/// `***`. Works on lines, so that comments and order stay. Pure.
std::string mask_text(std::string_view yaml);

} // namespace coppice::admin
