#include "runtime/store/append_core.hpp"

namespace coppice::store {

bool fits(const expected_version& expected, const stream_state& actual) {
  switch (expected.what) {
    case expected_version::kind::any:
      return true;
    case expected_version::kind::no_stream:
      return !actual.exists;
    case expected_version::kind::stream_exists:
      return actual.exists;
    case expected_version::kind::exact:
      break;
  }
  return actual.exists && actual.version == expected.version;
}

error version_conflict(std::string_view stream, const expected_version& expected,
                       const stream_state& actual) {
  auto is =
    actual.exists ? "has version " + std::to_string(actual.version) : std::string{"does not exist"};
  auto wanted = to_string(expected);
  if (expected.what == expected_version::kind::exact)
    wanted = "version " + wanted;
  return {errc::conflict, "stream '" + std::string{stream} + "' " + is + ", expected " + wanted,
          "/expected"};
}

error no_stream_named(std::string_view stream) {
  return {errc::not_found, "there is no stream '" + std::string{stream} + "'", "/stream"};
}

result<void> check_truncation(std::string_view stream, uint64_t version, uint64_t before) {
  if (before >= 1 && before <= version + 1)
    return {};
  return error{errc::out_of_range,
               "stream '" + std::string{stream} + "' can be truncated before version 1 to "
                 + std::to_string(version + 1) + ", not before " + std::to_string(before),
               "/before"};
}

result<void> check_snapshot_version(const snapshot& state, uint64_t version) {
  if (state.version <= version)
    return {};
  return error{errc::out_of_range,
               "stream '" + state.stream + "' has version " + std::to_string(version)
                 + ", so it has no state of version " + std::to_string(state.version),
               "/version"};
}

result<append_result> repeat_answer(const append_request& request, const find_event& find,
                                    const error& unknown) {
  append_result out{.stream = request.stream};
  for (const auto& x : request.events) {
    auto there = find(x.id);
    if (!there)
      return there.error();
    if (!*there && out.ids.empty())
      return unknown;
    auto taken = "event id '" + x.id + "' ";
    if (!*there)
      return error{errc::conflict, taken + "is new, but others of this append are stored already"};
    const auto& was = **there;
    auto follows = out.ids.empty() || was.version == out.version + 1;
    if (was.stream != request.stream || !follows || was.type != x.type || was.data != x.data)
      return error{errc::conflict, taken + "belongs to another event, version "
                                     + std::to_string(was.version) + " of stream '"
                                     + std::string{was.stream} + "'"};
    out.version = was.version;
    out.position = was.position;
    out.ids.push_back(x.id);
  }
  return out;
}

} // namespace coppice::store
