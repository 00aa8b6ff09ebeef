/* Gets a page every ten seconds and logs its status, a header and its first bytes.
 *
 * Shows: one HTTP channel for one request. The service performs it, and checks the server's certificate; the
 * device needs neither TLS nor a DNS client for that. */
#include "network.h"

#ifndef PAGE
#define PAGE "https://example.com/"
#endif

static void show_response(MvChannelHandle channel) {
  struct MvHttpResponseData response = {0};
  const enum MvStatus status = mvReadHttpResponseData(channel, &response);
  if (status != MV_STATUS_OKAY) {
    say("no response: status %d", (int)status);
    return;
  }
  if (response.result != MV_HTTPRESULT_OK) {
    say("the request has failed: result %d", (int)response.result);
    return;
  }
  char header[128] = {0}, body[64] = {0};
  mvReadHttpResponseHeader(channel, 0, (uint8_t*)header, sizeof header - 1);
  mvReadHttpResponseBody(channel, 0, (uint8_t*)body, sizeof body - 1);
  say("HTTP %lu, %lu headers, the first is \"%s\"", (unsigned long)response.status_code,
      (unsigned long)response.num_headers, header);
  say("%lu bytes: %s", (unsigned long)response.body_length, body);
}

static void get_page(void) {
  MvChannelHandle channel = open_channel(MV_CHANNELTYPE_HTTP);
  if (channel == 0) return;
  const struct MvSizedString accept = text("Accept: text/plain");
  const struct MvHttpHeader headers[] = {{accept.length, accept.data}};
  const struct MvHttpRequest request = {
      .method = text("GET"),
      .url = text(PAGE),
      .num_headers = 1,
      .headers = headers,
      .body = text(""),
      .timeout_ms = 10000,
  };
  const enum MvStatus status = mvSendHttpRequest(channel, &request);
  if (status != MV_STATUS_OKAY) {
    say("the request cannot be sent: status %d", (int)status);
  } else if (wait_for_data(15)) {
    show_response(channel);
  } else {
    say("no response in time");
  }
  close_channel(&channel);
}

int main(void) {
  network_start();
  for (uint64_t next = microseconds();; next += 10000000) {
    while (microseconds() < next) {
    }
    get_page();
  }
}
