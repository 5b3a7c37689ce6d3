// Domibus's push on the client that gSOAP generates from our BackendService WSDL.
//
// pusher URL USER PASSWORD inline|mtom ORDER... An order is OPERATION=ID; deleteBatch=ID,ID; messageStatusChange=ID,STATUS.
// Each order prints one line: ok, or HTTP or SOAP's word for what went wrong.
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "BackendServiceBinding.nsmap"
#include "soapBackendServiceBindingProxy.h"

namespace {

const char *const CENTRAL = "hdeu:mock:ap:central";
const char *const NATION = "hdeu:mock:ap:fr";
const char *const TYPE = "urn:oasis:names:tc:ebcore:partyid-type:unregistered";

std::vector<std::string> split(const std::string &text, char by) {
    std::vector<std::string> found;
    std::istringstream stream(text);
    for (std::string one; std::getline(stream, one, by);) found.push_back(one);
    return found;
}

class Pusher {
  public:
    Pusher(const char *url, const char *user, const char *password, bool mtom)
        : proxy_(url), user_(user), password_(password), mtom_(mtom) {
        proxy_.soap->send_timeout = proxy_.soap->recv_timeout = 10;
    }

    std::string push(const std::string &operation, const std::vector<std::string> &words) {
        proxy_.soap->userid = user_;  // gSOAP forgets them after each call
        proxy_.soap->passwd = password_;
        proxy_.soap->header = nullptr;
        soap_clr_omode(proxy_.soap, SOAP_ENC_MTOM);
        int failed = call(operation, words);
        std::string said = failed ? word(failed) : "ok";
        proxy_.destroy();
        return said;
    }

  private:
    BackendServiceBindingProxy proxy_;
    const char *user_, *password_;
    bool mtom_;

    int call(const std::string &operation, const std::vector<std::string> &words) {
        if (operation == "submitRequest") return submit(words.at(0));
        if (operation == "deleteBatch") return delete_batch(words);
        if (operation == "messageStatusChange") return status(words.at(0), words.at(1));
        ns1__oneMessageId id;
        id.messageID = words.at(0);
        return one(operation, &id);
    }

    int one(const std::string &operation, ns1__oneMessageId *id) {
        __ns1__sendSuccessResponse sent;
        __ns1__sendFailureResponse failed;
        __ns1__receiveSuccessResponse received;
        __ns1__receiveFailureResponse lost;
        __ns1__deleteResponse deleted;
        if (operation == "sendSuccess") return proxy_.sendSuccess(id, sent);
        if (operation == "sendFailure") return proxy_.sendFailure(id, failed);
        if (operation == "receiveSuccess") return proxy_.receiveSuccess(id, received);
        if (operation == "receiveFailure") return proxy_.receiveFailure(id, lost);
        return proxy_.delete_(id, deleted);
    }

    int delete_batch(const std::vector<std::string> &ids) {
        _ns1__deleteBatch batch;
        batch.messageIds = ids;
        __ns1__deleteBatchResponse answer;
        return proxy_.deleteBatch(&batch, answer);
    }

    int status(const std::string &id, const std::string &status) {
        _ns1__messageStatusChange change;
        change.messageID = id;
        soap_s2ns1__messageStatus(proxy_.soap, status.c_str(), &change.messageStatus);
        __ns1__messageStatusChangeResponse answer;
        return proxy_.messageStatusChange(&change, answer);
    }

    std::string *text(const std::string &value) {
        auto *made = soap_new_std__string(proxy_.soap);
        *made = value;
        return made;
    }

    ns1__Party *party(const char *id, const char *role) {
        auto *made = soap_new_ns1__Party(proxy_.soap);
        made->PartyId = soap_new_ns1__PartyId(proxy_.soap);
        made->PartyId->__item = id;
        made->PartyId->type = text(TYPE);
        made->Role = std::string("http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/") + role;
        return made;
    }

    ns1__Property *property(const char *name, const char *value) {
        auto *made = soap_new_ns1__Property(proxy_.soap);
        made->name = name;
        made->__item = value;
        return made;
    }

    // The whole message: every byte value, so that neither base64 nor MIME parts may touch it.
    int submit(const std::string &id) {
        struct soap *soap = proxy_.soap;
        auto *user = soap_new_ns1__UserMessage(soap);
        user->MessageInfo = soap_new_ns1__MessageInfo(soap);
        user->MessageInfo->MessageId = text(id);
        user->MessageInfo->RefToMessageId = text("asked-1@broker.example");
        user->PartyInfo = soap_new_ns1__PartyInfo(soap);
        user->PartyInfo->From = party(CENTRAL, "initiator");
        user->PartyInfo->To = party(NATION, "responder");
        user->CollaborationInfo = soap_new_ns1__CollaborationInfo(soap);
        user->CollaborationInfo->Service = soap_new_ns1__Service(soap);
        user->CollaborationInfo->Service->__item = "bdx:noprocess";
        user->CollaborationInfo->Service->type = text("tc1");
        user->CollaborationInfo->Action = "TC1Leg1";
        user->CollaborationInfo->ConversationId = text("conversation-1");
        user->MessageProperties = soap_new_ns1__MessageProperties(soap);
        user->MessageProperties->Property = {property("originalSender", "C1"), property("finalRecipient", "C4")};
        user->PayloadInfo = soap_new_ns1__PayloadInfo(soap);
        auto *part = soap_new_ns1__PartInfo(soap);
        part->href = text("cid:message");
        part->PartProperties = soap_new_ns1__PartProperties(soap);
        part->PartProperties->Property = {property("MimeType", "application/zip")};
        user->PayloadInfo->PartInfo = {part};
        soap->header = soap_new_SOAP_ENV__Header(soap);
        soap->header->ns1__Messaging = soap_new__ns1__Messaging(soap);
        soap->header->ns1__Messaging->UserMessage = user;
        _ns1__submitRequest request;
        request.payload = {payload()};
        if (mtom_) soap_set_omode(soap, SOAP_ENC_MTOM);
        __ns1__submitRequestResponse answer;
        return proxy_.submitRequest(&request, answer);
    }

    ns1__LargePayloadType *payload() {
        auto *made = soap_new_ns1__LargePayloadType(proxy_.soap);
        made->payloadId = text("cid:message");
        made->contentType = text("application/zip");
        made->mimeType = text("application/zip");
        made->payloadName = text("message.zip");
        const int size = 256 * 300;
        auto *bytes = static_cast<unsigned char *>(soap_malloc(proxy_.soap, size));
        for (int at = 0; at < size; ++at) bytes[at] = static_cast<unsigned char>(at);
        made->value.__ptr = bytes;
        made->value.__size = size;
        if (mtom_) made->value.type = soap_strdup(proxy_.soap, "application/zip");
        return made;
    }

    std::string word(int failed) {
        if (failed >= 100 && failed < 600) return "HTTP " + std::to_string(failed);
        const char *reason = soap_fault_string(proxy_.soap);
        return std::string("error ") + (reason ? reason : std::to_string(failed).c_str());
    }
};

}  // namespace

int main(int argc, char **argv) {
    if (argc < 6) return 2;
    Pusher pusher(argv[1], argv[2], argv[3], std::strcmp(argv[4], "mtom") == 0);
    for (int at = 5; at < argc; ++at) {
        std::string order(argv[at]);
        auto place = order.find('=');
        std::puts(pusher.push(order.substr(0, place), split(order.substr(place + 1), ',')).c_str());
    }
    return 0;
}
