// A complete program on Coppice: a till that adds up what it is told. README.md walks through it.

#include "till.hpp"

int main(int argc, char** argv) {
  return coppice::run(argc, argv, {shop::add_to}, {.name = "first_actor"});
}
