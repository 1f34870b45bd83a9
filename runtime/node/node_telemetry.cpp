#include "runtime/node/node_telemetry.hpp"

#include "runtime/cluster/cluster.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/http/client.hpp"
#include "runtime/node/background.hpp"
#include "runtime/node/node.hpp"
#include "runtime/store/dead_letter_store.hpp"
#include "runtime/telemetry/trace.hpp"

#include <limits>
#include <map>

namespace coppice {

namespace {

using telemetry::metrics::kind;
using telemetry::metrics::sample;

struct tree_sums {
  double mailbox = 0;
  std::map<std::string, double> states;
};

void add_up(const supervision::tree_entry& x, tree_sums& to) {
  to.mailbox += static_cast<double>(x.mailbox);
  ++to.states[std::string{to_string(x.state)}];
  for (auto& child : x.children)
    add_up(child, to);
}

tree_sums sums_of(node& owner) {
  tree_sums out;
  if (auto root = owner.root())
    add_up(root->snapshot(std::numeric_limits<size_t>::max()), out);
  return out;
}

} // namespace

node_telemetry::node_telemetry(node& owner) {
  auto& from = owner.configuration().telemetry;
  telemetry::set_sampling(from.sampling);
  if (!from.otlp_endpoint.empty()) {
    telemetry::otlp_options options;
    options.endpoint = from.otlp_endpoint;
    options.resource.node = owner.name();
    options.resource.version = owner.origin().version;
    exporter_ = std::make_unique<telemetry::otlp_exporter>(
      std::move(options), [](const std::string& url, const std::string& body) -> result<int> {
        http::client_options client;
        client.timeout = std::chrono::seconds{10};
        auto answer =
          http::fetch("POST", url, {{"Content-Type", "application/json"}}, body, client);
        if (!answer)
          return answer.error();
        return answer->status;
      });
  }
  if (from.metrics) {
    metrics_.push_back(telemetry::metrics::add_system(owner.system()));
    add_tree_metrics(owner);
    add_event_metrics(owner);
  }
}

void node_telemetry::add_tree_metrics(node& owner) {
  auto add = [this](auto... xs) { metrics_.push_back(telemetry::metrics::add_value(xs...)); };
  add("coppice_mailbox_messages", "User messages that wait in mailboxes.", kind::gauge,
      [&owner] { return sums_of(owner).mailbox; });
  metrics_.push_back(telemetry::metrics::add("coppice_actors", "Children in the tree by state.",
                                             kind::gauge, [&owner] {
                                               std::vector<sample> out;
                                               for (auto& [state, count] : sums_of(owner).states)
                                                 out.push_back({{{"state", state}}, count});
                                               return out;
                                             }));
  if (owner.peers() != nullptr)
    metrics_.push_back(telemetry::metrics::add(
      "coppice_cluster_members", "Members of the cluster by state.", kind::gauge, [&owner] {
        std::map<std::string, double> states;
        for (auto& member : owner.peers()->members())
          ++states[std::string{to_string(member.state)}];
        std::vector<sample> out;
        for (auto& [state, count] : states)
          out.push_back({{{"state", state}}, count});
        return out;
      }));
  add(
    "coppice_background_refused_total",
    "Log lines and events of ends and restarts, and dead letters, left out since too many waited.",
    kind::counter, [&owner] { return static_cast<double>(owner.worker().refused()); });
  add("coppice_node_ready", "1 when /readyz says ready.", kind::gauge,
      [&owner] { return owner.is_ready() ? 1.0 : 0.0; });
}

void node_telemetry::add_event_metrics(node& owner) {
  auto add = [this](auto... xs) { metrics_.push_back(telemetry::metrics::add_value(xs...)); };
  if (auto letters = owner.dead_letters()) {
    add("coppice_dead_letters_waiting", "Dead letters of this node that wait for a person.",
        kind::gauge, [letters] { return static_cast<double>(letters->stats().waiting); });
    add("coppice_dead_letters_not_stored_total", "Dead letters that were only counted.",
        kind::counter, [letters] {
          auto x = letters->stats();
          return static_cast<double>(x.storm_dropped + x.queue_dropped);
        });
  }
  if (auto box = owner.outbox()) {
    add("coppice_outbox_pending", "Events on their way to their stream.", kind::gauge,
        [box] { return static_cast<double>(box->stats().pending); });
    add("coppice_outbox_oldest_seconds", "Age of the oldest of these.", kind::gauge,
        [box] { return static_cast<double>(box->stats().oldest_age.count()) / 1e9; });
    add("coppice_outbox_published_total", "Events that their stream has.", kind::counter,
        [box] { return static_cast<double>(box->stats().published); });
  }
  if (auto nats = owner.nats())
    add("coppice_nats_connected", "1 while this node is connected to NATS.", kind::gauge,
        [nats] { return nats->status().state == events::connection_state::connected ? 1.0 : 0.0; });
}

} // namespace coppice
