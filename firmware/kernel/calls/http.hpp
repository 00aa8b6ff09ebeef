// HTTP. The request is put together in the channel's send buffer, the response read where it has arrived, by
// offset and index, as often as the application likes. Whether the request makes sense is for the service to
// say.
#pragma once

#include "firmware/kernel/calls/messages.hpp"

namespace microvisor::firmware::kernel::calls {

inline constexpr std::uint32_t kMaximumHttpHeaders = 32;

template <>
struct FlashCallBody<Gate::SendHttpRequest> {
  static Status run(const abi::SendHttpRequestArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_sender(a.handle, abi::ChannelType::HTTP, slot);
    if (status != Status::OKAY) return status;
    return send_request(*slot, MessageKind::HttpRequest,
                        parts_of<FlashCallBody, abi::HttpRequest>(a.request));
  }

  static Status part_of(const abi::HttpRequest& request, std::uint32_t index, MessagePart& part) {
    constexpr std::uint32_t kHeaders = 3;
    if (index == 0) return check(request);
    if (index == 1) {
      part.number(1, request.timeout_ms);
      part.bytes(2, request.method);
    } else if (index == 2) {
      part.bytes(3, request.url);
    } else if (index < kHeaders + request.num_headers) {
      abi::HttpHeader header;
      const Status status = element(request.headers, index - kHeaders, header);
      if (status != Status::OKAY) return status;
      part.bytes(4, {header.data, header.length});
    } else if (index == kHeaders + request.num_headers) {
      part.bytes(5, request.body);
    } else {
      return kNoMoreParts;
    }
    return Status::OKAY;
  }

 private:
  static Status check(const abi::HttpRequest& request) {
    if (request.num_headers > kMaximumHttpHeaders) return Status::TOOMANYELEMENTS;
    const bool good = can_read(request.method) && can_read(request.url) && can_read(request.body) &&
                      can_read_list(request.headers, request.num_headers, sizeof(abi::HttpHeader));
    return good ? Status::OKAY : Status::PARAMETERFAULT;
  }
};

/// Numbers of the response's fields.
struct HttpResponseFields {
  static constexpr unsigned kResult = 1, kStatusCode = 2, kHeaderCount = 3, kBody = 4;
};

/// The channel with its response, looked at.
inline Status find_response(abi::ChannelHandle handle, Channels::Slot*& slot) {
  const Status status = find_reader(handle, abi::ChannelType::HTTP, slot);
  return status == Status::OKAY ? look_at(*slot, MessageKind::HttpResponse, Status::RESPONSENOTPRESENT)
                                : status;
}
/// The same, if it is one of the server's.
inline Status find_good_response(abi::ChannelHandle handle, Channels::Slot*& slot) {
  const Status status = find_response(handle, slot);
  if (status != Status::OKAY) return status;
  const std::uint32_t result = slot->reader.field(HttpResponseFields::kResult).value;
  return static_cast<abi::HttpResult>(result) == abi::HttpResult::OK ? Status::OKAY
                                                                     : Status::REQUESTUNSUCCESSFUL;
}

template <>
struct FlashCallBody<Gate::ReadHttpResponseData> {
  static Status run(const abi::ReadHttpResponseDataArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_response(a.handle, slot);
    if (status != Status::OKAY) return status;
    using Fields = HttpResponseFields;
    const MessageReader& reader = slot->reader;
    return tell(
        a.response_data,
        abi::HttpResponseData{static_cast<abi::HttpResult>(reader.field(Fields::kResult).value),
                              reader.field(Fields::kStatusCode).value,
                              reader.field(Fields::kHeaderCount).value, reader.field(Fields::kBody).value});
  }
};

template <>
struct FlashCallBody<Gate::ReadHttpResponseBody> {
  static Status run(const abi::ReadHttpResponseBodyArguments& a) {
    Channels::Slot* slot = nullptr;
    const Status status = find_good_response(a.handle, slot);
    if (status != Status::OKAY) return status;
    const MessageField& body = slot->reader.field(HttpResponseFields::kBody);
    if (a.offset > body.value) return Status::OFFSETINVALID;
    if (!application_can_write(a.buf, a.size)) return Status::PARAMETERFAULT;
    return copy_field(*slot, body, a.offset, a.buf, std::min(a.size, body.value - a.offset));
  }
};

template <>
struct FlashCallBody<Gate::ReadHttpResponseHeader> {
  static Status run(const abi::ReadHttpResponseHeaderArguments& a) {
    Channels::Slot* slot = nullptr;
    Status status = find_good_response(a.handle, slot);
    if (status != Status::OKAY) return status;
    status = slot->reader.find_item(slot->receive, a.header_index);
    if (status != Status::OKAY) return status;
    if (!application_can_write(a.buf, a.size)) return Status::PARAMETERFAULT;
    const MessageField& header = slot->reader.item();
    return copy_field(*slot, header, 0, a.buf, std::min(a.size, header.value));
  }
};

}  // namespace microvisor::firmware::kernel::calls
