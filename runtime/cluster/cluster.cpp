#include "runtime/cluster/cluster.hpp"

#include "runtime/base/address.hpp"
#include "runtime/cluster/cluster_impl.hpp"
#include "runtime/cluster/host_port.hpp"

#include <unistd.h>

namespace coppice::cluster {

namespace {

constexpr duration flush_time_max = std::chrono::milliseconds{500};

error no_link(std::string_view node) {
  return error{errc::node_down, "there is no link to node '" + std::string{node} + "'", "", ""};
}

result<void> check(const options& x) {
  auto wrong = [](const char* at, std::string what) {
    return error{errc::invalid_config, std::move(what), std::string{"cluster."} + at, ""};
  };
  if (!is_name(x.cluster))
    return wrong("name", "'" + x.cluster + "' is no name: [a-z][a-z0-9_-]{0,62}");
  if (!is_name(x.node))
    return wrong("node", "'" + x.node + "' is no node name: [a-z][a-z0-9_-]{0,62}");
  if (!x.advertise.empty())
    if (auto at = parse_host_port(x.advertise); !at)
      return wrong("advertise", at.error().message);
  for (const auto& seed : x.seeds)
    if (auto at = parse_host_port(seed); !at && seed != x.node)
      return wrong("seeds", at.error().message + "; a bare name only means this node itself");
  if (x.schema_table.size() > preface_bytes_max / 2)
    return wrong("schema", "the type table is larger than 512 KiB");
  if (x.heartbeat <= duration{0} || x.silence < 2 * x.heartbeat)
    return wrong("heartbeat", "a link is dead after at least two heartbeats");
  return {};
}

/// What others dial when nothing else was said: the address listened on; for all interfaces this
/// machine's name.
std::string address_for_others(const options& x, uint16_t port) {
  if (!x.advertise.empty())
    return x.advertise;
  auto at = parse_host_port(x.listen);
  COPPICE_ASSERT(at.has_value());
  if (at->host == "0.0.0.0" || at->host == "::") {
    char name[256] = "";
    at->host = ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
  }
  at->port = port;
  return to_string(*at);
}

} // namespace

cluster::cluster(options config) : impl_(std::make_shared<impl>(std::move(config))) {}

cluster::~cluster() {
  stop();
}

result<uint16_t> cluster::start(caf::actor_system& system, caf::actor gate) {
  if (auto good = check(impl_->config()); !good)
    return std::move(good).error();
  return impl_->start(system, std::move(gate), address_for_others);
}

void cluster::leave(std::function<void()> done) {
  impl_->leave(flush_time_max, std::move(done));
}

void cluster::stop() {
  impl_->stop();
}

std::vector<member> cluster::members() const {
  return impl_->read([](const auto& x) { return x.members; });
}

member cluster::self() const {
  return impl_->read([](const auto& x) { return x.self; });
}

result<caf::actor> cluster::gate_of(std::string_view node) const {
  return impl_->gate_of(node);
}

std::string cluster::name_of(const caf::node_id& id) const {
  return impl_->name_of(id);
}

cluster::subscription cluster::subscribe(std::function<void(const member_event&)> callback) {
  return impl_->subscribe(std::move(callback));
}

void cluster::unsubscribe(subscription id) {
  impl_->unsubscribe(id);
}

void cluster::set_admin_url(std::string url) {
  impl_->run([url = std::move(url)](impl& x) { x.set_admin_url(url); });
}

std::vector<link_info> cluster::links() const {
  return impl_->read([](const auto& x) { return x.links; });
}

std::map<std::string, uint64_t> cluster::refusals() const {
  return impl_->read([](const auto& x) { return x.refusals; });
}

result<pki::certificate_info> cluster::certificate() const {
  return pki::read_certificate(impl_->config().certificates.certificate);
}

result<void> cluster::reload_certificates() {
  return impl_->reload_certificates();
}

// The answer is given from what is known at this moment; the link thread does the rest.

result<void> cluster::cut(std::string_view node) {
  if (!impl_->has_link(node))
    return no_link(node);
  impl_->run([name = std::string{node}](impl& x) { x.links().close(name, "cut by hand"); });
  return {};
}

result<void> cluster::pause(std::string_view node, bool on) {
  if (on && !impl_->has_link(node))
    return no_link(node);
  impl_->run([name = std::string{node}, on](impl& x) { x.links().pause(name, on); });
  return {};
}

result<void> cluster::delay(std::string_view node, duration each) {
  if (!impl_->has_link(node))
    return no_link(node);
  impl_->run([name = std::string{node}, each](impl& x) { x.links().delay(name, each); });
  return {};
}

} // namespace coppice::cluster
