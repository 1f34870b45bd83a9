#pragma once

#include "runtime/events/nats_link.hpp"

/// Streams and consumers; every call waits for the server.
namespace coppice::events::detail {

result<stream_info> ensure_stream(const nats_link& link, const stream_config& config);
result<stream_info> get_stream(const nats_link& link, const std::string& name);
result<std::vector<stream_info>> list_streams(const nats_link& link);
result<void> delete_stream(const nats_link& link, const std::string& name);
result<void> purge_stream(const nats_link& link, const std::string& name);
result<std::string> id_at(const nats_link& link, const std::string& stream, uint64_t sequence);
result<std::string> stream_of(const nats_link& link, const std::string& subject);
result<consumer_info> ensure_consumer(const nats_link& link, const std::string& stream,
                                      const consumer_config& config);
result<consumer_info> get_consumer(const nats_link& link, const std::string& stream,
                                   const std::string& name);
result<std::vector<consumer_info>> list_consumers(const nats_link& link, const std::string& stream);
result<void> delete_consumer(const nats_link& link, const std::string& stream,
                             const std::string& name);

} // namespace coppice::events::detail
