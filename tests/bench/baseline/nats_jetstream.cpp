// JetStream with plain nats.c: publishes events with asynchronous acknowledgements, or pulls them
// from a durable consumer and acknowledges each.
// Usage: nats_jetstream publish|consume|consume_push [2m|always [COUNT [IN_FLIGHT]]]
#include "tests/bench/nats_ground.hpp"

#include <nats/nats.h>

#include <atomic>

namespace {

void check(natsStatus status, const char* doing) {
  if (status != NATS_OK)
    throw std::runtime_error(std::string{doing} + ": " + natsStatus_GetText(status));
}

std::atomic<int> answered;

void on_ack(jsCtx*, natsMsg* msg, jsPubAck*, jsPubAckErr* failed, void*) {
  if (failed == nullptr)
    ++answered;
  natsMsg_Destroy(msg);
}

void publish(jsCtx* js, int count) {
  for (int i = 0; i < count; ++i) {
    auto id = nats_ground::event_id(i);
    auto text = nats_ground::event_text(id);
    natsMsg* msg = nullptr;
    check(natsMsg_Create(&msg, "bench.sample", nullptr, text.data(), static_cast<int>(text.size())),
          "a message");
    check(natsMsgHeader_Set(msg, "content-type", "application/cloudevents+json"), "a header");
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MsgId = id.c_str();
    // Waits by itself when as many as allowed are in flight.
    check(js_PublishMsgAsync(js, &msg, &options), "publishing");
  }
  jsPubOptions wait;
  jsPubOptions_Init(&wait);
  wait.MaxWait = 30'000;
  check(js_PublishAsyncComplete(js, &wait), "waiting for answers");
  if (answered != count)
    throw std::runtime_error("not every publish was acknowledged");
}

/// Until the server has every acknowledgement.
void wait_for_acks(jsCtx* js, int count) {
  for (bool all = false; !all;) {
    jsConsumerInfo* info = nullptr;
    check(js_GetConsumerInfo(&info, js, "BENCH", "reader", nullptr, nullptr), "the consumer");
    all = info->AckFloor.Stream == static_cast<uint64_t>(count);
    jsConsumerInfo_Destroy(info);
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

void consume(jsCtx* js, int count, int in_flight, bool push) {
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Config.Durable = "reader";
  options.Config.AckPolicy = js_AckExplicit;
  options.Config.MaxAckPending = in_flight;
  natsSubscription* sub = nullptr;
  if (push) {
    options.ManualAck = true;
    check(js_SubscribeSync(&sub, js, "bench.>", nullptr, &options, nullptr), "subscribing");
    for (int got = 0; got < count; ++got) {
      natsMsg* msg = nullptr;
      check(natsSubscription_NextMsg(&msg, sub, 5000), "a message");
      check(natsMsg_Ack(msg, nullptr), "an acknowledgement");
      natsMsg_Destroy(msg);
    }
  } else {
    check(js_PullSubscribe(&sub, js, "bench.>", "reader", nullptr, &options, nullptr),
          "subscribing");
    for (int got = 0; got < count;) {
      natsMsgList list{};
      check(natsSubscription_Fetch(&list, sub, in_flight, 5000, nullptr), "a fetch");
      for (int i = 0; i < list.Count; ++i)
        check(natsMsg_Ack(list.Msgs[i], nullptr), "an acknowledgement");
      got += list.Count;
      natsMsgList_Destroy(&list);
    }
  }
  wait_for_acks(js, count);
  natsSubscription_Destroy(sub);
}

void run(const nats_ground::load& x) {
  nats_ground::folder where;
  nats_ground::nats server{where, x.sync};
  natsConnection* connection = nullptr;
  check(natsConnection_ConnectTo(&connection, server.url().c_str()), "connecting");
  jsOptions options;
  jsOptions_Init(&options);
  options.PublishAsync.MaxPending = x.in_flight;
  options.PublishAsync.StallWait = 30'000;
  options.PublishAsync.AckHandler = on_ack;
  jsCtx* js = nullptr;
  check(natsConnection_JetStream(&js, connection, &options), "JetStream");
  jsStreamConfig stream;
  jsStreamConfig_Init(&stream);
  const char* subjects[] = {"bench.>"};
  stream.Name = "BENCH";
  stream.Subjects = subjects;
  stream.SubjectsLen = 1;
  check(js_AddStream(nullptr, js, &stream, nullptr, nullptr), "the stream");
  auto begin = nats_ground::steady::now();
  publish(js, x.count);
  if (x.what != "publish") {
    begin = nats_ground::steady::now();
    consume(js, x.count, x.in_flight, x.what == "consume_push");
  }
  nats_ground::print_rate(x.count, begin);
  jsCtx_Destroy(js);
  natsConnection_Destroy(connection);
  nats_Close();
}

} // namespace

int main(int argc, char** argv) {
  try {
    run(nats_ground::read_load(argc, argv));
  } catch (const std::exception& x) {
    std::fprintf(stderr, "%s\n", x.what());
    return 1;
  }
  return 0;
}
