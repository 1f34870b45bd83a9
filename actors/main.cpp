// The program `coppice`: the runtime with every system of this repository.

#include "actors/edge/edge.hpp"
#include "runtime/program/program.hpp"

int main(int argc, char** argv) {
  return coppice::run(argc, argv, {{coppice::edge::add_to, coppice::edge::add_messages}});
}
