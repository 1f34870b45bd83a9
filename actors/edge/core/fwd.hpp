#pragma once

#include <cstdint>

namespace coppice::edge {

struct host_reading;
struct host_sample;
struct alert_rule;
struct alert_event;
struct alerts_snapshot;
struct http_poller_args;
struct http_answer;
struct http_reading;
class host_core;
class alerts_core;
class http_poll_core;
class interval_schedule;
enum class severity : uint8_t;

} // namespace coppice::edge
