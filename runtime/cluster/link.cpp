#include "runtime/cluster/link.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/cluster/link_server.hpp"

namespace coppice::cluster {

link_server::link_server(link_settings settings, link_callbacks callbacks)
  : impl_(std::make_shared<impl>(std::move(settings), std::move(callbacks))) {}

link_server::~link_server() {
  stop();
}

result<uint16_t> link_server::listen(const std::string& address) {
  return impl_->listen(address);
}

void link_server::begin() {
  impl_->begin();
}

void link_server::stop() {
  impl_->stop();
}

void link_server::post(std::function<void()> work) {
  impl_->post(std::move(work));
}

result<void> link_server::reload_certificates() {
  return impl_->load_certificates();
}

void link_server::dial(dial_request request) {
  impl_->dial(std::move(request));
}

bool link_server::send_control(const std::string& node, std::string_view json) {
  auto* link = impl_->link_to(node);
  if (link == nullptr)
    return false;
  auto stream = link->stream;
  stream->take_local();
  stream->send_control(json);
  return true;
}

bool link_server::close(const std::string& node, const std::string& reason) {
  auto* link = impl_->link_to(node);
  if (link != nullptr)
    std::shared_ptr {
      link->stream
      } -> close(reason);
  return link != nullptr;
}

bool link_server::pause(const std::string& node, bool on) {
  return impl_->pause(node, on);
}

bool link_server::delay(const std::string& node, duration each) {
  constexpr duration delay_max = std::chrono::seconds{10};
  auto* link = impl_->link_to(node);
  if (link != nullptr)
    link->stream->delay(std::clamp(each, duration{0}, delay_max));
  return link != nullptr;
}

void link_server::close_all(const std::string& reason, duration limit, std::function<void()> done) {
  impl_->close_all(reason, monotonic_now() + limit, std::move(done));
}

std::vector<link_stats> link_server::stats() const {
  return impl_->stats();
}

} // namespace coppice::cluster
