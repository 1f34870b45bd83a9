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

bool look(PGconn& server, store::detail::tail_hub& hub) {
  std::unique_ptr<PGresult, decltype(&PQclear)> row{
    PQexec(&server, "SELECT position FROM event_head"), &PQclear};
  if (PQresultStatus(row.get()) != PGRES_TUPLES_OK || PQntuples(row.get()) != 1)
    return false;
  advance(hub, PQgetvalue(row.get(), 0, 0));
  return true;
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
  for (const auto& sql : {"SET search_path = " + schema_, "LISTEN " + schema_})
    PQclear(PQexec(server.get(), sql.c_str()));
  if (!look(*server, *hub_))
    return true;
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
    if (!told && !look(*server, *hub_))
      return true;
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
