#pragma once

#include "runtime/base/result.hpp"

#include <caf/fwd.hpp>

#include <string>
#include <string_view>

namespace coppice::json {

/// What the codec has to ask its surroundings for. Without one, handles are written as CAF prints them and cannot be read,
/// and secrets are masked.
/// Threading: called on the thread that encodes or decodes; must not block.
class codec_context {
public:
  virtual ~codec_context() = default;

  /// The address `NODE:/user/a` of an actor; any other readable text when it has none.
  virtual std::string to_path(const caf::strong_actor_ptr& handle) const = 0;

  /// Errors: errc::invalid_address, errc::not_found; place and field are added by the codec.
  virtual result<caf::strong_actor_ptr> from_path(std::string_view path) const = 0;

  /// Are secrets written as they are? Only for records that are read back, never for people or logs.
  virtual bool plain_secrets() const { return false; }
};

} // namespace coppice::json
