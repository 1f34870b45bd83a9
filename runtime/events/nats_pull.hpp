#pragma once

#include "runtime/events/nats_client.hpp"
#include "runtime/events/nats_link.hpp"

namespace coppice::events::detail {

/// Errors: errc::invalid_value, errc::out_of_range.
result<std::unique_ptr<pull_subscription>> start_pull(std::shared_ptr<nats_link> link,
                                                      pull_options options,
                                                      nats_client::batch_callback callback);

} // namespace coppice::events::detail
