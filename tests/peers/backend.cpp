// A back end on the skeleton that gSOAP generates from our BackendService WSDL: it prints what it is told.
//
// backend PORT USER PASSWORD. One line per notification: operation, ids, and what else it carries, parted by spaces.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "BackendServiceBinding.nsmap"
#include "soapBackendServiceBindingService.h"

class Backend : public BackendServiceBindingService {
  public:
    Backend(const char *user, const char *password) : user_(user), password_(password) {}

    BackendServiceBindingService *copy() override { return nullptr; }  // one thread serves all

    int submitRequest(_ns1__submitRequest *request, __ns1__submitRequestResponse &) override {
        auto *header = soap->header ? soap->header->ns1__Messaging : nullptr;
        if (!header || !header->UserMessage || !header->UserMessage->MessageInfo) return refuse("no header");
        std::string told = *header->UserMessage->MessageInfo->MessageId;
        for (auto *payload : request->payload)
            told += " " + (payload->payloadId ? *payload->payloadId : "") + " " + std::to_string(payload->value.__size);
        return take("submitRequest", told);
    }

    int sendSuccess(ns1__oneMessageId *id, __ns1__sendSuccessResponse &) override {
        return take("sendSuccess", id->messageID);
    }
    int sendFailure(ns1__oneMessageId *id, __ns1__sendFailureResponse &) override {
        return take("sendFailure", id->messageID);
    }
    int receiveSuccess(ns1__oneMessageId *id, __ns1__receiveSuccessResponse &) override {
        return take("receiveSuccess", id->messageID);
    }
    int receiveFailure(ns1__oneMessageId *id, __ns1__receiveFailureResponse &) override {
        return take("receiveFailure", id->messageID);
    }
    int delete_(ns1__oneMessageId *id, __ns1__deleteResponse &) override { return take("delete", id->messageID); }

    int deleteBatch(_ns1__deleteBatch *batch, __ns1__deleteBatchResponse &) override {
        std::string ids;
        for (auto &id : batch->messageIds) ids += (ids.empty() ? "" : " ") + id;
        return take("deleteBatch", ids);
    }

    int messageStatusChange(_ns1__messageStatusChange *change, __ns1__messageStatusChangeResponse &) override {
        return take("messageStatusChange",
                    change->messageID + " " + soap_ns1__messageStatus2s(soap, change->messageStatus));
    }

  private:
    std::string user_, password_;

    int refuse(const char *why) { return soap_receiverfault(why, nullptr); }

    int take(const char *operation, const std::string &told) {
        if (!soap->userid || !soap->passwd || user_ != soap->userid || password_ != soap->passwd) return 401;
        std::printf("%s %s\n", operation, told.c_str());
        std::fflush(stdout);
        return SOAP_OK;
    }
};

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    Backend server(argv[2], argv[3]);
    server.soap->bind_flags = SO_REUSEADDR;
    server.soap->send_timeout = server.soap->recv_timeout = 10;
    if (!soap_valid_socket(server.bind("127.0.0.1", std::atoi(argv[1]), 100))) return 1;
    std::puts("listening");
    std::fflush(stdout);
    while (soap_valid_socket(server.accept())) {
        server.serve();
        server.destroy();
    }
    return 1;
}
