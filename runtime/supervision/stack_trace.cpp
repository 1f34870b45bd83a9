#include "runtime/supervision/stack_trace.hpp"

#include <atomic>
#include <backtrace.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <dlfcn.h>
#include <mutex>
#include <typeinfo>
#include <unwind.h>

namespace {

thread_local int watchers = 0;
thread_local coppice::supervision::raw_stack last_throw;

std::atomic<int64_t> window_start{0};
std::atomic<uint32_t> taken_in_window{0};
constexpr uint32_t stacks_per_second = 100;

bool stack_budget_left() noexcept {
  auto now = std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::steady_clock::now().time_since_epoch())
               .count();
  auto start = window_start.load(std::memory_order_relaxed);
  if (start != now && window_start.compare_exchange_strong(start, now, std::memory_order_relaxed))
    taken_in_window.store(0, std::memory_order_relaxed);
  return taken_in_window.fetch_add(1, std::memory_order_relaxed) < stacks_per_second;
}

_Unwind_Reason_Code collect(_Unwind_Context* context, void* out) {
  auto& stack = *static_cast<coppice::supervision::raw_stack*>(out);
  if (stack.size == stack.frames.size())
    return _URC_END_OF_STACK;
  if (auto address = _Unwind_GetIP(context); address != 0)
    stack.frames[stack.size++] = address;
  return _URC_NO_REASON;
}

using throw_function = void (*)(void*, std::type_info*, void (*)(void*));

} // namespace

extern "C" {

// Takes the place of the C++ runtime's function and hands over to it.
[[noreturn]] void __cxa_throw(void* thrown, std::type_info* type, void (*destructor)(void*)) {
  static const auto original = reinterpret_cast<throw_function>(dlsym(RTLD_NEXT, "__cxa_throw"));
  if (watchers > 0) {
    last_throw.size = 0;
    if (stack_budget_left())
      _Unwind_Backtrace(collect, &last_throw);
  }
  original(thrown, type, destructor);
  std::abort();
}

} // extern "C"

namespace coppice::supervision {

throw_watch::throw_watch() noexcept {
  ++watchers;
}

throw_watch::~throw_watch() noexcept {
  --watchers;
}

void renew_stack_budget() noexcept {
  taken_in_window.store(0, std::memory_order_relaxed);
}

raw_stack throw_watch::take() noexcept {
  auto out = last_throw;
  last_throw.size = 0;
  return out;
}

namespace {

std::string demangle(const char* name) {
  int status = 0;
  auto text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string out = status == 0 ? text : name;
  std::free(text);
  return out;
}

struct frame_text {
  std::vector<std::string> lines;
  uintptr_t address = 0;
};

void ignore_error(void*, const char*, int) {
  // A frame without debug information is shown by symbol or address.
}

int add_line(void* data, uintptr_t, const char* file, int line, const char* function) {
  if (function == nullptr)
    return 0;
  auto text = demangle(function);
  if (file != nullptr)
    text += " at " + std::string{file} + ":" + std::to_string(line);
  static_cast<frame_text*>(data)->lines.push_back(std::move(text));
  return 0;
}

void add_symbol(void* data, uintptr_t, const char* symbol, uintptr_t, uintptr_t) {
  if (symbol != nullptr)
    static_cast<frame_text*>(data)->lines.push_back(demangle(symbol));
}

bool of_the_machinery(const std::string& line) {
  for (auto name : {"__cxa_throw", "_Unwind_", "stack_trace.cpp", "include/caf/", "include/c++/"})
    if (line.find(name) != std::string::npos)
      return true;
  return false;
}

// From here outward it is CAF and our own message loop, the same for every actor.
bool of_the_loop(const std::string& line) {
  return line.find("caf::scheduled_actor::consume") != std::string::npos
         || line.find("coppice::supervision::cell::") != std::string::npos;
}

} // namespace

std::vector<std::string> symbolize(const raw_stack& stack) {
  static std::mutex mutex;
  std::lock_guard guard{mutex};
  static auto* state = backtrace_create_state(nullptr, 1, ignore_error, nullptr);
  std::vector<std::string> out;
  for (size_t i = 0; i < stack.size; ++i) {
    // A return address lies behind the call.
    frame_text frame{{}, stack.frames[i] - 1};
    backtrace_pcinfo(state, frame.address, add_line, ignore_error, &frame);
    if (frame.lines.empty())
      backtrace_syminfo(state, frame.address, add_symbol, ignore_error, &frame);
    if (frame.lines.empty()) {
      char text[32];
      std::snprintf(text, sizeof(text), "0x%zx", static_cast<size_t>(frame.address));
      frame.lines.emplace_back(text);
    }
    for (auto& line : frame.lines) {
      if (of_the_loop(line))
        return out;
      if (!of_the_machinery(line))
        out.push_back(std::move(line));
    }
  }
  return out;
}

} // namespace coppice::supervision
