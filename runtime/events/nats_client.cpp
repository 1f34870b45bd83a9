#include "runtime/events/nats_client.hpp"

#include "runtime/events/nats_admin.hpp"
#include "runtime/events/nats_link.hpp"
#include "runtime/events/nats_publish.hpp"
#include "runtime/events/nats_pull.hpp"
#include "runtime/events/subject.hpp"

namespace coppice::events {

namespace {

delivery copy_of(std::shared_ptr<raw_delivery> x) {
  delivery out{*x,           std::string{x->subject}, std::string{x->payload},
               x->headers(), std::string{x->stream},  {}};
  out.answer = std::move(x);
  return out;
}

int64_t milliseconds(duration x) {
  return std::max<int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(x).count());
}

class nats_client_impl : public nats_client {
public:
  explicit nats_client_impl(std::shared_ptr<detail::nats_link> link)
    : link_(std::move(link)),
      publishes_(std::make_shared<detail::publish_window>(link_)) {
    publishes_->start();
  }

  ~nats_client_impl() override { close(); }

  connection_status status() const override { return link_->status(); }

  std::unique_ptr<subscription> on_state(state_callback callback) override {
    return link_->on_state(std::move(callback));
  }

  result<void> wait_connected(duration deadline) override {
    auto begin = std::chrono::steady_clock::now();
    if (link_->wait_connected(deadline)
        && publishes_->wait_ready(deadline - (std::chrono::steady_clock::now() - begin)))
      return {};
    auto now = link_->status();
    return error{errc::unavailable, "not connected to NATS: " + now.last_error,
                 link_->options().urls.front()};
  }

  result<void> publish(const message& x) override {
    if (auto ok = check_subject(x.subject); !ok)
      return ok;
    auto connection = current();
    if (!connection)
      return connection.error();
    auto msg = detail::make_msg(x, x.reply);
    if (!msg)
      return msg.error();
    auto status = natsConnection_PublishMsg(connection->get(), msg->get());
    if (status != NATS_OK)
      return detail::nats_error(status, "publishing to '" + x.subject + "'");
    return {};
  }

  result<std::unique_ptr<subscription>> subscribe(const std::string& filter,
                                                  message_callback callback,
                                                  const std::string& queue) override {
    return link_->subscribe(filter, queue, std::move(callback));
  }

  result<message> request(const message& x, duration deadline) override {
    if (auto ok = check_subject(x.subject); !ok)
      return ok.error();
    auto connection = current();
    if (!connection)
      return connection.error();
    auto msg = detail::make_msg(x, {});
    if (!msg)
      return msg.error();
    natsMsg* raw = nullptr;
    auto status =
      natsConnection_RequestMsg(&raw, connection->get(), msg->get(), milliseconds(deadline));
    detail::msg_pointer answer{raw};
    if (status == NATS_NO_RESPONDERS)
      return error{errc::not_found, "nobody listens on '" + x.subject + "'"};
    if (status != NATS_OK)
      return detail::nats_error(status, "a request to '" + x.subject + "'");
    return detail::to_message(raw);
  }

  result<void> flush(duration deadline) override {
    auto connection = current();
    if (!connection)
      return connection.error();
    auto status = natsConnection_FlushTimeout(connection->get(), milliseconds(deadline));
    if (status != NATS_OK)
      return detail::nats_error(status, "flushing");
    return {};
  }

  result<void> publish_stream(const message& x, const std::string& id,
                              publish_callback callback) override {
    return publishes_->publish(x, id, std::move(callback));
  }

  result<stream_info> ensure_stream(const stream_config& config) override {
    return detail::ensure_stream(*link_, config);
  }
  result<stream_info> get_stream(const std::string& name) override {
    return detail::get_stream(*link_, name);
  }
  result<std::vector<stream_info>> list_streams() override { return detail::list_streams(*link_); }
  result<void> delete_stream(const std::string& name) override {
    return detail::delete_stream(*link_, name);
  }
  result<void> purge_stream(const std::string& name) override {
    return detail::purge_stream(*link_, name);
  }
  result<std::string> id_at(const std::string& stream, uint64_t sequence) override {
    return detail::id_at(*link_, stream, sequence);
  }
  result<std::string> stream_of(const std::string& subject) override {
    return detail::stream_of(*link_, subject);
  }
  result<consumer_info> ensure_consumer(const std::string& stream,
                                        const consumer_config& config) override {
    return detail::ensure_consumer(*link_, stream, config);
  }
  result<consumer_info> get_consumer(const std::string& stream, const std::string& name) override {
    return detail::get_consumer(*link_, stream, name);
  }
  result<std::vector<consumer_info>> list_consumers(const std::string& stream) override {
    return detail::list_consumers(*link_, stream);
  }
  result<void> delete_consumer(const std::string& stream, const std::string& name) override {
    return detail::delete_consumer(*link_, stream, name);
  }
  result<std::unique_ptr<pull_subscription>> pull(pull_options options,
                                                  delivery_callback callback) override {
    return pull_batches(std::move(options), [callback = std::move(callback)](batch all) {
      for (auto& x : all)
        callback(copy_of(std::move(x)));
    });
  }
  result<std::unique_ptr<pull_subscription>> pull_batches(pull_options options,
                                                          batch_callback callback) override {
    return detail::start_pull(link_, std::move(options), std::move(callback));
  }

  void close() override {
    publishes_->close();
    link_->close();
  }

private:
  result<detail::connection_pointer> current() const {
    auto now = link_->get();
    if (now.connection)
      return now.connection;
    return error{errc::unavailable, "not connected to NATS: " + link_->status().last_error};
  }

  std::shared_ptr<detail::nats_link> link_;
  std::shared_ptr<detail::publish_window> publishes_;
};

} // namespace

result<std::shared_ptr<nats_client>> nats_client::connect(nats_options options) {
  auto link = std::make_shared<detail::nats_link>(std::move(options));
  if (auto ok = link->start(); !ok)
    return ok.error();
  return std::shared_ptr<nats_client>{std::make_shared<nats_client_impl>(std::move(link))};
}

} // namespace coppice::events
