#include "runtime/cluster/test_support.hpp"

#include "runtime/base/prng.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace coppice::cluster {

namespace {

void register_types() {
  static bool once = [] {
    caf::core::init_global_meta_objects();
    caf::io::middleman::init_global_meta_objects();
    return true;
  }();
  static_cast<void>(once);
}

} // namespace

caf::behavior gate_of_a_test(caf::event_based_actor* self) {
  auto next = std::make_shared<int64_t>(0);
  return {
    [](int32_t x) { return x; },
    [](const std::string& x) { return static_cast<int64_t>(x.size()); },
    // Counts numbers that come in order, answers how many when asked.
    [next](caf::put_atom, int64_t x) { *next = x == *next ? *next + 1 : -1; },
    [next](caf::get_atom) { return *next; },
    [self](caf::close_atom) { self->quit(caf::exit_reason::user_shutdown); },
  };
}

temporary_folder::temporary_folder() {
  prng random{random_seed()};
  path =
    std::filesystem::temp_directory_path() / ("coppice-cluster-" + std::to_string(random.next()));
  std::filesystem::create_directories(path);
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  if (ours)
    std::filesystem::remove_all(path, ignored);
}

test_pki::test_pki() {
  if (auto made = pki::make_ca(folder.path); !made)
    throw std::runtime_error(to_string(made.error()));
}

test_pki::test_pki(const std::string& existing) : folder(std::filesystem::path{existing}) {}

pki::files test_pki::files(const std::string& node) const {
  auto out = pki::files_in(folder.path, node);
  if (std::filesystem::exists(out.certificate))
    return out;
  if (auto issued = pki::issue(folder.path, node, folder.path); !issued)
    throw std::runtime_error(to_string(issued.error()));
  return out;
}

test_node::test_node(const test_pki& keys, const std::string& name, std::vector<std::string> seeds,
                     bool alone, const std::function<void(options&)>& adjust) {
  register_types();
  configure(config);
  config.set("caf.scheduler.max-threads", size_t{2});
  config.set("caf.logger.console.verbosity", "quiet");
  system = std::make_unique<caf::actor_system>(config);
  gate = system->spawn(gate_of_a_test);
  options x;
  x.cluster = "test";
  x.node = name;
  x.seeds = std::move(seeds);
  x.allow_alone = alone;
  x.version = "0.1.0";
  x.certificates = keys.files(name);
  x.schema_fingerprint = "f1";
  x.schema_table = "{}";
  x.log = [this](bool, const std::string& line) {
    std::lock_guard guard{mutex_};
    lines_.push_back(line);
    changed_.notify_all();
  };
  if (adjust)
    adjust(x);
  part = std::make_unique<cluster>(std::move(x));
  part->subscribe([this](const member_event& x) {
    std::lock_guard guard{mutex_};
    events_.push_back(x);
    changed_.notify_all();
  });
  auto started = part->start(*system, gate);
  if (!started)
    throw std::runtime_error(to_string(started.error()));
  port = *started;
}

test_node::~test_node() {
  part->stop();
  caf::anon_send_exit(gate, caf::exit_reason::kill);
}

template <class F>
bool test_node::wait(std::chrono::milliseconds limit, F condition) {
  std::unique_lock guard{mutex_};
  return changed_.wait_for(guard, limit, condition);
}

bool test_node::saw(member_event::kind what, const std::string& node,
                    std::chrono::milliseconds limit) {
  return wait(limit, [&] {
    for (auto i = seen_; i < events_.size(); ++i)
      if (events_[i].what == what && events_[i].who.name == node) {
        seen_ = i + 1;
        return true;
      }
    return false;
  });
}

bool test_node::logged(const std::string& text, std::chrono::milliseconds limit) {
  return wait(limit, [&] {
    for (const auto& line : lines_)
      if (line.find(text) != std::string::npos)
        return true;
    return false;
  });
}

bool test_node::until(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end)
      return false;
    std::unique_lock guard{mutex_};
    changed_.wait_for(guard, std::chrono::milliseconds{5});
  }
  return true;
}

std::string test_node::lines() {
  std::lock_guard guard{mutex_};
  std::string out;
  for (const auto& x : lines_)
    out += x + "\n";
  return out;
}

std::vector<member_event> test_node::events() {
  std::lock_guard guard{mutex_};
  return events_;
}

std::string test_node::free_address() {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  bool good = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0
              && ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  ::close(fd);
  if (!good)
    throw std::runtime_error("no free port on the loopback address");
  return "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
}

member_state test_node::state_of(const std::string& node) const {
  for (const auto& x : part->members())
    if (x.name == node)
      return x.state;
  return member_state::removed;
}

} // namespace coppice::cluster
