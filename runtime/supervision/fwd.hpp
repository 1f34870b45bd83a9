#pragma once

#include <cstdint>

namespace coppice {

class catalog;

} // namespace coppice

namespace coppice::supervision {

class branch;
class cell;
class observer;
class recipe;
class relay;
class seat;
struct child_report;
struct child_spec;
struct dead_message;
struct restart_record;
struct supervisor_spec;

} // namespace coppice::supervision
