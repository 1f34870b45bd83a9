#pragma once

#include "runtime/json/codec.hpp"
#include "runtime/json/messages.hpp"
#include "runtime/json/schema.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/supervision/recipe.hpp"

#include <caf/type_id.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace coppice {

/// What can be named in a configuration or in `coppice spawn`: actor types with their arguments and the messages that
/// they take.
struct actor_type {
  std::string name;    ///< `edge.host_poller`.
  std::string summary; ///< One sentence for `coppice types`.
  std::vector<caf::type_id_t> accepts;
  std::vector<void (*)(json::type_registry&)> blocks; ///< Make known what `accepts` names.
  bool accepts_anything = true;                       ///< Nothing was declared with accepts<>().
  /// Blocks its thread by design (files, databases): runs with isolation thread unless the spec says process.
  bool blocking = false;
  std::function<json::value()> schema; ///< JSON Schema of the arguments.
  /// Errors: those of json::from_json, with pointers into `args`.
  std::function<result<std::shared_ptr<supervision::recipe>>(const json::value& args)> make;
};

/// The empty argument struct.
struct no_args {};

template <class Inspector>
bool inspect(Inspector& f, no_args& x) {
  return f.object(x).fields();
}

/// Filled by plain functions `void add_to(catalog&)` before the node starts; read-only afterwards.
/// Threading: reading is thread-safe.
class catalog {
public:
  /// Declares more about a type just added.
  class entry {
  public:
    explicit entry(actor_type& type) : type_(&type) {}

    /// Instantiates the codecs of the messages' blocks.
    template <class... Messages>
    entry& accepts() {
      type_->accepts_anything = false;
      (accept<Messages>(), ...);
      return *this;
    }

    entry& summary(std::string text) {
      type_->summary = std::move(text);
      return *this;
    }

    /// What the arguments must keep to beyond their fields. Errors: `at` is a JSON pointer into them.
    entry& check(std::function<result<void>(const json::value& args)> f) {
      type_->make = [make = std::move(type_->make), f = std::move(f)](
                      const json::value& args) -> result<std::shared_ptr<supervision::recipe>> {
        auto made = make(args);
        if (auto ok = made ? f(args) : result<void>{}; !ok)
          return ok.error();
        return made;
      };
      return *this;
    }

    entry& blocking() {
      type_->blocking = true;
      return *this;
    }

  private:
    template <class Message>
    void accept() {
      type_->accepts.push_back(caf::type_id_v<Message>);
      using block = typename json::block_of<Message>::type;
      if constexpr (!std::is_void_v<block>)
        type_->blocks.push_back([](json::type_registry& to) { to.add_block<block>(); });
    }

    actor_type* type_;
  };

  /// A CAF actor function `f([self,] Args)`.
  template <class Args, class F>
  entry actor(std::string name, F fun) {
    return add<Args>(std::move(name),
                     [fun](Args args) { return supervision::make_recipe(fun, std::move(args)); });
  }

  /// A CAF actor function `f([self])`.
  template <class F>
  entry actor(std::string name, F fun) {
    return add<no_args>(std::move(name), [fun](no_args) { return supervision::make_recipe(fun); });
  }

  /// A CAF actor class with a constructor `(actor_config&, Args)`, or stateful_actor<State> whose State takes Args.
  template <class Impl, class Args>
  entry actor_class(std::string name) {
    return add<Args>(std::move(name), [](Args args) {
      return supervision::make_class_recipe<Impl>(std::move(args));
    });
  }

  using setting_check = std::function<result<void>(const json::value&)>;

  /// How a part of the configuration that the runtime hands on as it stands is checked, by its key: `alerts.rules`.
  void setting(std::string key, setting_check check);

  /// Keys that nobody declared are right. Errors: those of the check (`at` is a JSON pointer into the setting).
  result<void> check_setting(std::string_view key, const json::value& x) const;

  /// Null when there is none.
  const actor_type* find(std::string_view name) const;

  /// In order of names.
  std::vector<const actor_type*> all() const;

  /// Errors: errc::unknown_type with a hint, and those of the arguments (`at` is a JSON pointer into them).
  result<std::shared_ptr<supervision::recipe>> make(std::string_view name,
                                                    const json::value& args) const;

  /// Makes the messages known that the types accept. Before the first actor system starts.
  void register_messages(json::type_registry& to) const;

  /// Errors: errc::unknown_type for an accepted message that nobody has made known.
  result<void> check_messages(const json::type_registry& known) const;

  /// Does the type handle messages of that type? Types that declare nothing take everything.
  bool takes(std::string_view name, caf::type_id_t message) const;

private:
  template <class Args, class Make>
  entry add(std::string name, Make make) {
    actor_type type;
    type.name = name;
    type.schema = [] { return json::schema_of<Args>(); };
    type.make = [name,
                 make](const json::value& args) -> result<std::shared_ptr<supervision::recipe>> {
      auto parsed = json::from_json<Args>(args);
      if (!parsed)
        return parsed.error();
      auto out = make(std::move(*parsed));
      out->describe_as(name, json::serialize(args));
      return out;
    };
    return entry{insert(std::move(type))};
  }

  actor_type& insert(actor_type type);

  std::map<std::string, actor_type, std::less<>> types_;
  std::map<std::string, setting_check, std::less<>> settings_;
};

} // namespace coppice
