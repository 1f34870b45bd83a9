#pragma once

#include <cstdint>

namespace coppice::events {

struct event;
struct message;
struct delivery;
struct stream_config;
struct consumer_config;
class nats_client;
class nats_keeper;
class nats_server;
struct nats_server_news;
class dead_letter_sink;
class outbox;
class consumer;
class pull_subscription;

} // namespace coppice::events
