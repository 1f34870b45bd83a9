#include "runtime/store/event_store.hpp"

#include <future>

namespace coppice::store {

namespace {

template <class Begin>
result<void> wait_for(const Begin& begin) {
  std::promise<result<void>> answer;
  auto outcome = answer.get_future();
  begin([&answer](result<void> x) { answer.set_value(std::move(x)); });
  return outcome.get();
}

} // namespace

result<append_result> event_store::append(append_request request) {
  std::promise<result<append_result>> answer;
  auto outcome = answer.get_future();
  append(std::move(request),
         [&answer](result<append_result> x) { answer.set_value(std::move(x)); });
  return outcome.get();
}

result<void> event_store::truncate(std::string stream, uint64_t before) {
  return wait_for(
    [&](done_callback done) { truncate(std::move(stream), before, std::move(done)); });
}

result<void> event_store::remove_stream(std::string stream, expected_version expected) {
  return wait_for(
    [&](done_callback done) { remove_stream(std::move(stream), expected, std::move(done)); });
}

result<void> event_store::save(snapshot state) {
  return wait_for([&](done_callback done) { save(std::move(state), std::move(done)); });
}

result<std::vector<recorded_event>> event_store::read_all(uint64_t from, size_t limit) {
  return read_all(read_all_request{.from = from, .limit = limit});
}

result<uint64_t> event_store::stream_version(std::string_view stream) {
  auto found = find(stream);
  if (found)
    return found->version;
  return found.error().code == errc::not_found ? result<uint64_t>{uint64_t{0}} : found.error();
}

} // namespace coppice::store
