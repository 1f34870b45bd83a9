#include "runtime/store/event_store.hpp"

#include <future>

namespace coppice::store {

result<append_result> event_store::append(append_request request) {
  std::promise<result<append_result>> answer;
  auto outcome = answer.get_future();
  append(std::move(request),
         [&answer](result<append_result> x) { answer.set_value(std::move(x)); });
  return outcome.get();
}

} // namespace coppice::store
