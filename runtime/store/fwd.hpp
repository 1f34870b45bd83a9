#pragma once

#include <cstdint>

namespace coppice::store {

class database;
class statement;
class sqlite_file;
class event_store;
class sqlite_event_store;
class dead_letter_store;
class timeline_store;
struct new_event;
struct recorded_event;
struct append_request;
struct append_result;
struct dead_letter;
struct timeline_row;

} // namespace coppice::store
