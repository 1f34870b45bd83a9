#include "runtime/telemetry/trace.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/telemetry/running.hpp"
#include "runtime/telemetry/span_hub.hpp"

#include <atomic>

namespace coppice::telemetry {

namespace {

std::atomic<double> sampling{0};

prng& random_here() {
  thread_local prng instance{random_seed()};
  return instance;
}

uint64_t random_id() {
  auto& random = random_here();
  for (;;)
    if (auto x = random.next(); x != 0)
      return x;
}

void append_hex(std::string& to, uint64_t x) {
  static constexpr char digits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4)
    to += digits[(x >> shift) & 15];
}

// Lower-case hexadecimal digits only.
bool read_hex(std::string_view text, uint64_t& to) {
  to = 0;
  for (auto c : text) {
    uint64_t digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<uint64_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<uint64_t>(c - 'a' + 10);
    else
      return false;
    to = to << 4 | digit;
  }
  return true;
}

error wrong(std::string what) {
  return {errc::invalid_value,
          "not a traceparent: " + std::move(what),
          {},
          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
}

} // namespace

std::string_view to_string(origin x) {
  switch (x) {
    case origin::out:
      return "out";
    case origin::timer:
      return "timer";
    case origin::nats:
      return "nats";
    default:
      return "in";
  }
}

std::string trace_context::trace_id() const {
  std::string out;
  if (*this) {
    append_hex(out, trace_high);
    append_hex(out, trace_low);
  }
  return out;
}

std::string trace_context::span_id() const {
  std::string out;
  if (span != 0)
    append_hex(out, span);
  return out;
}

std::string trace_context::parent_id() const {
  std::string out;
  if (parent != 0)
    append_hex(out, parent);
  return out;
}

result<trace_context> parse_traceparent(std::string_view text) {
  constexpr size_t length = 55;
  uint64_t version = 0;
  if (text.size() < length)
    return wrong("it has " + std::to_string(text.size()) + " characters, not 55");
  if (text[2] != '-' || text[35] != '-' || text[52] != '-')
    return wrong("its parts are not 2, 32, 16 and 2 characters with dashes between");
  if (!read_hex(text.substr(0, 2), version) || version == 0xff)
    return wrong("the version is not two lower-case hexadecimal digits below ff");
  if (version == 0 ? text.size() != length : text.size() > length && text[length] != '-')
    return wrong("something follows the flags");
  trace_context out;
  if (!read_hex(text.substr(3, 16), out.trace_high)
      || !read_hex(text.substr(19, 16), out.trace_low))
    return wrong("the trace id is not 32 lower-case hexadecimal digits");
  if (!out)
    return wrong("the trace id is all zero");
  if (!read_hex(text.substr(36, 16), out.span))
    return wrong("the parent id is not 16 lower-case hexadecimal digits");
  if (out.span == 0)
    return wrong("the parent id is all zero");
  uint64_t flags = 0;
  if (!read_hex(text.substr(53, 2), flags))
    return wrong("the flags are not two lower-case hexadecimal digits");
  out.sampled = (flags & 1) != 0;
  return out;
}

std::string to_traceparent(const trace_context& x) {
  std::string out;
  if (!x)
    return out;
  out.reserve(55);
  out = "00-";
  append_hex(out, x.trace_high);
  append_hex(out, x.trace_low);
  out += '-';
  append_hex(out, x.span);
  out += x.sampled ? "-01" : "-00";
  return out;
}

trace_context start_trace() {
  trace_context out;
  out.trace_high = random_id();
  out.trace_low = random_id();
  out.span = random_id();
  auto share = sampling.load(std::memory_order_relaxed);
  out.sampled = share > 0 && random_here().unit() < share;
  return out;
}

trace_context child_of(const trace_context& x) {
  if (!x)
    return start_trace();
  auto out = x;
  out.parent = x.span;
  out.span = random_id();
  return out;
}

void set_sampling(double share) {
  sampling.store(share, std::memory_order_relaxed);
}

trace_context trace_of_timer() noexcept {
  auto out = running.trace;
  if (out) {
    if (out.timers >= timers_max)
      return {};
    ++out.timers;
    return out;
  }
  auto share = sampling.load(std::memory_order_relaxed);
  if (share <= 0 || random_here().unit() >= share)
    return {};
  out.trace_high = random_id();
  out.trace_low = random_id();
  out.sampled = true;
  out.timers = 1;
  return out;
}

trace_context current_trace() noexcept {
  return running.trace;
}

trace_scope::trace_scope(trace_context x) : mine_(x), outer_(running.trace) {
  running.trace = mine_;
}

trace_scope::trace_scope(trace_context x, origin how, std::string path, std::string name)
  : trace_scope(x) {
  how_ = how;
  path_ = std::move(path);
  name_ = std::move(name);
  begun_ns_ = system_clock().now().ns;
}

trace_scope::~trace_scope() {
  running.trace = outer_;
  if (name_.empty() || !span_hub::wanted(mine_))
    return;
  span x;
  x.at = instant{begun_ns_};
  x.took = duration{system_clock().now().ns - begun_ns_};
  x.path = std::move(path_);
  x.how = how_;
  x.type = std::move(name_);
  x.trace = mine_;
  x.ok = ok_;
  span_hub::offer(std::move(x));
}

} // namespace coppice::telemetry
