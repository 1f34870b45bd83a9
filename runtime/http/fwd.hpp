#pragma once

#include <cstdint>

namespace coppice::http {

struct request;
struct response;
struct route;
struct server_options;
struct client_options;
struct event;
class header_list;
class exchange;
class stream_writer;
class router;
class server;
class client;
enum class role : uint8_t;

} // namespace coppice::http
