#include "runtime/supervision/core/spec_check.hpp"

#include "runtime/base/address.hpp"

namespace coppice::supervision {
namespace {

error invalid(std::string message, std::string at, std::string hint = "") {
  return error{errc::invalid_config, std::move(message), std::move(at), std::move(hint)};
}

result<void> check_backoff(const backoff_spec& x, const std::string& id) {
  if (x.min <= duration{0})
    return invalid("backoff.min is " + to_string(x.min) + " and must be over 0", id);
  if (x.min > x.max)
    return invalid("backoff.min " + to_string(x.min) + " is over backoff.max " + to_string(x.max),
                   id);
  if (!(x.jitter >= 0.0 && x.jitter <= 1.0))
    return invalid("backoff.jitter must lie within 0 and 1", id);
  if (x.reset_after && *x.reset_after < duration{0})
    return invalid("backoff.reset_after must not be negative", id);
  if (x.give_up_after_time && *x.give_up_after_time < duration{0})
    return invalid("backoff.give_up_after must not be negative", id);
  return {};
}

} // namespace

result<void> check_flags(const supervisor_flags& x) {
  if (x.period < duration{0} || (x.period == duration{0} && x.intensity > 0))
    return invalid("period is " + to_string(x.period) + " and must be over 0", "");
  if (x.strategy == strategy::simple_one_for_one && x.auto_shutdown != auto_shutdown::never)
    return invalid("auto_shutdown " + std::string{to_string(x.auto_shutdown)}
                     + " cannot be used with simple_one_for_one",
                   "", "never");
  return {};
}

result<void> check_spec(const supervisor_flags& flags, const child_spec& spec,
                        const std::string& id) {
  if (!is_name(id))
    return invalid("'" + id + "' is no child id: it must match [a-z][a-z0-9_-]{0,62}", id);
  if (spec.shutdown.what == shutdown_spec::kind::timeout && spec.shutdown.timeout <= duration{0})
    return invalid("shutdown is " + to_string(spec.shutdown.timeout) + " and must be over 0", id,
                   "brutal_kill");
  if (spec.significant && flags.auto_shutdown == auto_shutdown::never)
    return invalid(
      "significant needs a supervisor with auto_shutdown any_significant or all_significant", id);
  if (spec.significant && spec.restart == restart_type::permanent)
    return invalid("a permanent child cannot be significant: it never ends for good", id,
                   "transient");
  if (spec.mailbox.limit == 0)
    return invalid("mailbox.limit must be at least 1", id);
  return spec.backoff ? check_backoff(*spec.backoff, id) : result<void>{};
}

} // namespace coppice::supervision
