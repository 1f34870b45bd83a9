#include "demo.hpp"

int main(int argc, char** argv) {
  return coppice::run(argc, argv, {demo::add_to}, {.name = "consumer", .tree = demo::always});
}
