#pragma once

#include "runtime/json/type_registry.hpp"
#include "runtime/node/tree.hpp"
#include "runtime/supervision/catalog.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace coppice {

/// What a program adds to the runtime: its actor types, and with them the message types that they accept; others by
/// `add_messages`.
struct extension {
  using add_types = void (*)(catalog&);
  using add_messages = void (*)(json::type_registry&);

  extension(add_types types) : types(types) {}
  extension(add_types types, add_messages messages) : types(types), messages(messages) {}

  add_types types = nullptr;
  add_messages messages = nullptr;
};

struct program_info {
  std::string name = "coppice";
  std::string version;
  /// YAML sections that every node of `up`'s development cluster shares (streams, user tree); not `cluster nats admin chaos
  /// log nodes`, which `up` writes itself.
  std::string development_config;
  /// A tree written in code: its children stand below `/user`, behind those of the configuration, on every node that runs
  /// this program. Asked at the start and at each reload, with the configuration read.
  coppice::tree (*tree)(const config::node_config&) = nullptr;
  std::vector<std::string> try_first; ///< Commands that `up` suggests, without the program's name.
};

/// A program with every verb of the command line: `int main(argc, argv) { return coppice::run(argc, argv, {demo::add_to}); }`.
/// Returns the exit status (CLI contract).
int run(int argc, char** argv, std::initializer_list<extension> extensions, program_info info = {});

} // namespace coppice
