#pragma once

#include <cstdint>

namespace coppice {

class asker;
class background;
class node;
class timeline;
struct node_surroundings;

} // namespace coppice
