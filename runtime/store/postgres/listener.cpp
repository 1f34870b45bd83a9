#include "runtime/store/postgres/listener.hpp"

#include <charconv>

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace coppice::postgres {

namespace {

constexpr duration looks_every = std::chrono::seconds{5};
constexpr duration connects_again_after = std::chrono::seconds{1};

using connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

void advance(store::detail::tail_hub& hub, std::string_view text) {
  uint64_t position = 0;
  std::from_chars(text.data(), text.data() + text.size(), position);
  hub.advance(position);
}

constexpr auto ask_for_head = "SELECT position FROM event_head";

/// Reads the answers to a question for the head; false when it was refused, for want of tables.
bool take_head(PGconn& server, store::detail::tail_hub& hub) {
  bool fine = true;
  while (auto* answer = PQgetResult(&server)) {
    auto status = PQresultStatus(answer);
    if (status == PGRES_TUPLES_OK && PQntuples(answer) == 1)
      advance(hub, PQgetvalue(answer, 0, 0));
    fine = fine && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK);
    PQclear(answer);
  }
  return fine;
}

} // namespace

listener::listener(std::string url, std::string schema,
                   std::shared_ptr<store::detail::tail_hub> hub)
  : url_(std::move(url)),
    schema_(std::move(schema)),
    hub_(std::move(hub)),
    stop_(::eventfd(0, EFD_CLOEXEC)),
    thread_([this] { loop(); }) {}

listener::~listener() {
  uint64_t one = 1;
  static_cast<void>(::write(stop_, &one, sizeof(one)));
  thread_.join();
  ::close(stop_);
}

void listener::loop() {
  while (listen()) {
    // The server is away, or its tables are not there yet.
    if (!wait(-1, connects_again_after))
      return;
  }
}

/// False when the listener ends.
bool listener::listen() {
  connection server{PQconnectdb(url_.c_str()), &PQfinish};
  if (PQstatus(server.get()) != CONNECTION_OK)
    return true;
  PQsetNoticeProcessor(
    server.get(), [](void*, const char*) {}, nullptr);
  // Listening begins before the look, so that nothing falls between the two.
  auto begin = "SET search_path = " + schema_ + "; LISTEN " + schema_ + "; " + ask_for_head;
  if (PQsendQuery(server.get(), begin.c_str()) != 1)
    return true;
  // Nothing here waits in libpq: a server that is frozen must not hold the node's end.
  bool asked = true;
  for (;;) {
    if (!wait(PQsocket(server.get()), looks_every))
      return false;
    if (PQconsumeInput(server.get()) != 1)
      return true;
    bool told = false;
    while (auto* note = PQnotifies(server.get())) {
      advance(*hub_, note->extra);
      PQfreemem(note);
      told = true;
    }
    if (asked && PQisBusy(server.get()) == 0) {
      asked = false;
      if (!take_head(*server, *hub_))
        return true;
    } else if (!told && !asked) {
      asked = PQsendQuery(server.get(), ask_for_head) == 1;
    }
  }
}

/// Until there is something to read or the time is over; false when the listener ends.
bool listener::wait(int fd, duration at_most) {
  pollfd waits[] = {{stop_, POLLIN, 0}, {fd, POLLIN, 0}};
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at_most).count();
  static_cast<void>(::poll(waits, 2, static_cast<int>(ms)));
  return (waits[0].revents & POLLIN) == 0;
}

} // namespace coppice::postgres
