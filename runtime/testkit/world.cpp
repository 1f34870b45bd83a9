#include "runtime/testkit/child.hpp"
#include "runtime/testkit/world_impl.hpp"

#include "runtime/base/address.hpp"
#include "runtime/events/subject.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/node/node_messages.hpp"
#include "runtime/supervision/supervisor_actor.hpp"

#include <caf/actor_system_config.hpp>

#include <atomic>
#include <filesystem>
#include <stdlib.h>

namespace coppice::testkit {

namespace {

// Time that the tree has to stop at the end of a world, by the world's clock.
constexpr duration stop_limit = std::chrono::minutes{10};

// No command takes longer unless it waits for something that a test has to bring about.
constexpr duration command_limit = std::chrono::hours{24};

config::loaded::node configuration(const options& how, const std::string& folder) {
  config::loaded::node out;
  out.config.node.name = how.node;
  out.config.node.data = folder;
  return out;
}

catalog make_catalog(std::initializer_list<extension> parts) {
  init_runtime_types();
  for (auto& x : parts)
    if (x.messages != nullptr)
      x.messages(json::types());
  catalog out;
  for (auto& x : parts)
    if (x.types != nullptr)
      x.types(out);
  out.register_messages(json::types());
  return out;
}

std::atomic<bool> world_exists{false};

options checked(options how) {
  if (!is_name(how.node))
    throw failure{"'" + how.node + "' cannot name a node (names match [a-z][a-z0-9_-]{0,62})"};
  return how;
}

template <class T>
T value_or_fail(result<T> x, const std::string& what) {
  if (!x)
    throw failure{what + ": " + to_string(x.error())};
  return std::move(*x);
}

} // namespace

// -- what supervision tells -----------------------------------------------------------------------------------------------

void world_observer::dead(supervision::dead_message&& x) noexcept {
  dead_letter letter{x.path, x.reason, {}, {}, x.attempts};
  auto envelope = json::message_to_json(x.payload, codec_);
  if (envelope && envelope->is_object()) {
    auto& type = envelope->as_object()["type"];
    letter.type = type.is_string() ? std::string{type.as_string()} : json::serialize(type);
    letter.body = json::serialize(envelope->as_object()["body"]);
  } else {
    letter.body = caf::to_string(x.payload);
  }
  add(std::move(letter));
}

void world_observer::add(dead_letter x) {
  std::lock_guard guard{mutex_};
  letters_.push_back(std::move(x));
}

std::vector<dead_letter> world_observer::all() const {
  std::lock_guard guard{mutex_};
  return letters_;
}

std::string describe(const caf::message& x, const json::codec_context* codec) {
  auto envelope = json::message_to_json(x, codec);
  if (!envelope || !envelope->is_object())
    return caf::to_string(x);
  auto& type = envelope->as_object()["type"];
  auto name = type.is_string() ? std::string{type.as_string()} : json::serialize(type);
  return name + " " + json::serialize(envelope->as_object()["body"]);
}

temp_folder::temp_folder()
  : path_((std::filesystem::temp_directory_path() / "coppice-world-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr)
    throw failure{"cannot make the folder " + path_ + " for the world"};
}

temp_folder::~temp_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

only_world::only_world() {
  if (world_exists.exchange(true))
    throw failure{"one world at a time: its clock is the whole process's"};
}

only_world::~only_world() {
  world_exists = false;
}

// -- life ---------------------------------------------------------------------------------------------------------------

world::impl::impl(std::initializer_list<extension> parts, options wanted)
  : how(checked(std::move(wanted))),
    time(how.start),
    instead_of_the_system(time, how.seed),
    observer(std::make_shared<world_observer>(codec)),
    bus(std::make_shared<memory_bus>()) {
  node_surroundings around;
  around.bus = bus;
  around.file = std::make_shared<memory_file>();
  around.observer = observer;
  around.configure = [this](caf::actor_system_config& x) {
    x.load<stepper>();
    calls.set_next(x.profiler);
    x.profiler = &calls;
  };
  node = std::make_unique<coppice::node>(make_catalog(parts), configuration(how, folder.path()),
                                         std::move(around));
  if (auto ok = node->prepare(); !ok)
    throw failure{"the world does not start: " + to_string(ok.error())};
  codec = &node->codec();
  if (how.shuffle)
    stepper::of(node->system()).shuffle(*how.shuffle);
  bus->start(*node, [this](const published_event& x, const std::string& reason, uint32_t attempts) {
    observer->add({x.subject, reason, x.event.type, x.event.data, attempts});
  });
  if (auto ok = node->start(); !ok)
    throw failure{"the tree does not start: " + to_string(ok.error())};
  run();
}

world::impl::~impl() {
  // A test that failed may have left anything behind: the end must come all the same.
  try {
    supervision::supervisor_command stop;
    stop.what = supervision::supervisor_command::kind::shutdown;
    supervision::send_command(node->root()->supervisor(), std::move(stop));
    advance(stop_limit, [this] {
      for (auto& part : node->ready())
        if (part.name == "tree")
          return !part.ok;
      return true;
    });
  } catch (const failure&) {
  }
  bus->stop();
  // The second request does not wait for a tree that has not ended.
  node->request_stop("the world ends");
  node->request_stop("the world ends");
  codec = nullptr;
  node.reset();
}

world::world(std::initializer_list<extension> parts, options how)
  : impl_(std::make_unique<impl>(parts, std::move(how))) {}

world::~world() = default;

// -- working and time ---------------------------------------------------------------------------------------------------

bool world::impl::step() {
  return stepper::of(node->system()).run_one();
}

size_t world::impl::run() {
  calls.forget_counts();
  size_t steps = 0;
  while (step())
    if (++steps >= how.steps_max)
      throw failure{"the world does not come to rest: " + std::to_string(steps)
                    + " steps without time passing; most were " + calls.busiest()};
  return steps;
}

bool world::impl::advance(duration x, const std::function<bool()>& condition) {
  auto& scheduler = stepper::of(node->system());
  auto move_to = [&](duration when) {
    time.set(when);
    return scheduler.move_to(when);
  };
  auto end = scheduler.elapsed() + x;
  size_t fired = 0;
  run();
  while (!condition || !condition()) {
    auto next = scheduler.next_timer();
    if (!next || *next > end) {
      move_to(end);
      run();
      return !condition || condition();
    }
    fired = *next > scheduler.elapsed() ? 0 : fired + 1;
    if (fired >= how.steps_max)
      throw failure{"time does not pass: " + std::to_string(fired)
                    + " timers in a row are due at once; the last steps were " + calls.busiest()};
    move_to(*next);
    run();
  }
  return true;
}

bool world::step() {
  return impl_->step();
}

size_t world::run() {
  return impl_->run();
}

void world::advance(duration x) {
  impl_->advance(x, nullptr);
}

bool world::advance_until(const std::function<bool()>& condition, duration limit) {
  return impl_->advance(limit, condition);
}

instant world::now() const {
  return impl_->time.now();
}

std::optional<duration> world::next_timer() const {
  auto& scheduler = stepper::of(impl_->node->system());
  auto next = scheduler.next_timer();
  return next ? std::optional{*next - scheduler.elapsed()} : std::nullopt;
}

// -- actors -------------------------------------------------------------------------------------------------------------

result<caf::strong_actor_ptr> world::impl::command(const std::string& path,
                                                   supervision::supervisor_command x) {
  std::optional<result<caf::strong_actor_ptr>> outcome;
  // The answer may come after this call gave up waiting.
  auto place = std::make_shared<std::optional<result<caf::strong_actor_ptr>>*>(&outcome);
  node->command(path, std::move(x), command_limit, [place](result<caf::strong_actor_ptr> answer) {
    if (*place != nullptr)
      (*place)->emplace(std::move(answer));
  });
  run();
  *place = nullptr;
  if (!outcome)
    return error{errc::timeout,
                 "the supervisor has not finished while the world is at rest; let time pass",
                 path,
                 {}};
  return std::move(*outcome);
}

result<child> world::try_child(std::string_view type, std::string_view args,
                               supervision::child_spec spec) {
  auto value = json::parse(args);
  if (!value)
    return value.error();
  auto recipe = impl_->node->types().make(type, *value);
  if (!recipe)
    return recipe.error();
  if (spec.id.empty())
    spec.id = type.substr(type.rfind('.') + 1);
  spec.isolation = supervision::isolation::shared;
  auto path = "/user/" + spec.id;
  supervision::supervisor_command add;
  add.what = supervision::supervisor_command::kind::add_child;
  add.id = spec.id;
  add.child.spec = std::make_shared<supervision::child_spec>(std::move(spec));
  add.child.recipe = std::move(*recipe);
  auto started = impl_->command("/user", std::move(add));
  if (!started)
    return started.error();
  return testkit::child{*this, std::move(path)};
}

child world::child(std::string_view type, std::string_view args, supervision::child_spec spec) {
  return value_or_fail(try_child(type, args, std::move(spec)),
                       std::string{type} + " does not start");
}

child world::start(supervision::child_spec spec, std::shared_ptr<supervision::recipe> recipe) {
  if (spec.id.empty())
    throw failure{"an actor that is in no catalog needs an id in its spec"};
  recipe->describe_as(spec.id, "{}");
  spec.isolation = supervision::isolation::shared;
  supervision::supervisor_command add;
  add.what = supervision::supervisor_command::kind::add_child;
  add.id = spec.id;
  add.child.spec = std::make_shared<supervision::child_spec>(spec);
  add.child.recipe = std::move(recipe);
  value_or_fail(impl_->command("/user", std::move(add)), spec.id + " does not start");
  return {*this, "/user/" + spec.id};
}

child world::supervisor(std::string id, supervision::supervisor_flags flags, const tree& below) {
  auto path = "/user/" + id;
  coppice::tree whole;
  whole.supervisor(id, flags, below);
  supervision::supervisor_command add;
  add.what = supervision::supervisor_command::kind::add_child;
  add.id = id;
  add.child = value_or_fail(impl_->node->make_child(whole.children().front()),
                            "the supervisor " + path + " cannot be made");
  value_or_fail(impl_->command("/user", std::move(add)), path + " does not start");
  return {*this, std::move(path)};
}

child world::at(std::string_view path) {
  return {*this, std::string{path}};
}

// -- bus and store ------------------------------------------------------------------------------------------------------

std::vector<published_event> world::published(std::string_view filter) const {
  if (auto ok = events::check_filter(filter); !ok)
    throw failure{"'" + std::string{filter} + "' is no subject: " + to_string(ok.error())};
  std::vector<published_event> out;
  for (auto& x : impl_->bus->all())
    if (events::matches(filter, x.subject))
      out.push_back(x);
  return out;
}

void world::publish(std::string subject, std::string type, std::string data) {
  events::event x;
  x.source = "test";
  x.type = std::move(type);
  x.data = std::move(data);
  std::optional<error> refused;
  impl_->bus->publish(subject, std::move(x), [&](result<std::string> done) {
    if (!done)
      refused = done.error();
  });
  if (refused)
    throw failure{"the event on " + subject + " is refused: " + to_string(*refused)};
  impl_->run();
}

void world::fail_publishing(std::optional<error> reason) {
  impl_->bus->fail(std::move(reason));
}

store::event_store& world::store() {
  return *impl_->node->event_store();
}

std::vector<dead_letter> world::dead_letters() const {
  return impl_->observer->all();
}

coppice::node& world::node() {
  return *impl_->node;
}

caf::actor_system& world::system() {
  return impl_->node->system();
}

} // namespace coppice::testkit
