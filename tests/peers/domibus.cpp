// A loop-back Domibus WS plugin on the skeleton that gSOAP generates from our WSDL: what is submitted becomes pending.
//
// domibus PORT inline|mtom USER PASSWORD. It serves one connection at a time and keeps everything in memory.
// A MessageId that starts with "fail" ends in SEND_FAILURE with one error; any other is acknowledged at the second look.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "WebServicePluginBinding.nsmap"
#include "soapWebServicePluginBindingService.h"

namespace {

struct Payload {
    std::string id, type, data;
};

struct Message {
    std::string ref, conversation, from, to, service, action, role_from, role_to, party_type;
    std::vector<std::pair<std::string, std::string>> properties;
    std::vector<Payload> payloads;
    bool pending = true;
    int looks = 0;
};

std::string text(const std::string *value) { return value ? *value : std::string(); }

}  // namespace

class Domibus : public WebServicePluginBindingService {
  public:
    Domibus(bool mtom, const char *user, const char *password) : mtom_(mtom), user_(user), password_(password) {}

    WebServicePluginBindingService *copy() override { return nullptr; }  // one thread serves all

    int submitMessage(_ns1__submitRequest *request, _ns1__submitResponse &answer) override {
        if (int refused = authenticate()) return refused;
        auto *header = soap->header ? soap->header->ns2__Messaging : nullptr;
        if (!header || !header->UserMessage || !header->UserMessage->CollaborationInfo)
            return fault("EBMS:0009", "the header is missing");
        auto *user_message = header->UserMessage;
        std::string id = user_message->MessageInfo ? text(user_message->MessageInfo->MessageId) : "";
        if (messages_.count(id))
            return fault("EBMS:0004", "Message with id [" + id + "] and role SENDING already exists. "
                                      "Message identifiers must be unique");
        messages_[id] = read(*user_message, *request);
        order_.push_back(id);
        answer.messageID.push_back(id);
        answer.messageEntityID.push_back("874945832007903076");
        return SOAP_OK;
    }

    int listPendingMessages(_ns1__listPendingMessagesRequest *request, ns1__messageIds &answer) override {
        if (int refused = authenticate()) return refused;
        for (auto &id : order_) {
            auto &message = messages_[id];
            bool wanted = (!request->messageId || *request->messageId == id) &&
                          (!request->conversationId || *request->conversationId == message.conversation);
            if (message.pending && wanted) answer.messageID.push_back(id);
        }
        return SOAP_OK;
    }

    int retrieveMessage(_ns1__retrieveMessageRequest *request, __ns1__retrieveMessageResponse &answer) override {
        if (int refused = authenticate()) return refused;
        auto found = messages_.find(request->messageID);
        bool marks = request->markAsDownloaded != "false";
        if (found == messages_.end() || (marks && !found->second.pending))
            return fault("WS_PLUGIN:0009", "Message not found, id [" + request->messageID + "]");
        if (marks) found->second.pending = false;
        soap->header = soap_new_SOAP_ENV__Header(soap);
        soap->header->ns2__Messaging = header(found->first, found->second);
        answer.ns1__retrieveMessageResponse = soap_new__ns1__retrieveMessageResponse(soap);
        for (auto &payload : found->second.payloads)
            answer.ns1__retrieveMessageResponse->payload.push_back(write(payload));
        if (mtom_) soap_set_omode(soap, SOAP_ENC_MTOM);
        return SOAP_OK;
    }

    int markMessageAsDownloaded(ns1__oneMessageId *request, __ns1__markMessageAsDownloadedResponse &answer) override {
        if (int refused = authenticate()) return refused;
        auto found = messages_.find(request->messageID);
        if (found == messages_.end() || !found->second.pending)
            return fault("WS_PLUGIN:0009", "No message with id [" + request->messageID + "] found");
        found->second.pending = false;
        answer.ns1__markMessageAsDownloadedResponse = soap_new_ns1__oneMessageId(soap);
        answer.ns1__markMessageAsDownloadedResponse->messageID = request->messageID;
        return SOAP_OK;
    }

    int getStatus(ns1__oneMessageId *request, ns1__messageStatus &answer) override {
        if (int refused = authenticate()) return refused;
        answer = status(request->messageID);
        return SOAP_OK;
    }

    int getStatusWithAccessPointRole(ns1__messageIdAndRole *request, ns1__messageStatus &answer) override {
        if (int refused = authenticate()) return refused;
        answer = status(request->messageID);
        return SOAP_OK;
    }

    int getMessageErrors(ns1__oneMessageId *request, ns1__messageErrors &answer) override {
        if (int refused = authenticate()) return refused;
        return errors(request->messageID, answer);
    }

    int getMessageErrorsWithAccessPointRole(ns1__messageIdAndRole *request, ns1__messageErrors &answer) override {
        if (int refused = authenticate()) return refused;
        return errors(request->messageID, answer);
    }

    int listPushFailedMessages(_ns1__listPushFailedMessagesRequest *, ns1__messageIds &answer) override {
        if (int refused = authenticate()) return refused;
        answer.messageID = unpushed_;
        return SOAP_OK;
    }

    int rePushFailedMessages(ns1__messageIds *request, __ns1__rePushFailedMessagesResponse &) override {
        if (int refused = authenticate()) return refused;
        for (auto &id : request->messageID)
            if (!is_unpushed(id)) return fault("WS_PLUGIN:0009", "Message not found, id [" + id + "]");
        unpushed_.clear();
        return SOAP_OK;
    }

  private:
    bool mtom_;
    std::string user_, password_;
    std::map<std::string, Message> messages_;
    std::vector<std::string> order_;
    std::vector<std::string> unpushed_{"unpushed-1", "unpushed-2"};

    int authenticate() {
        soap_clr_omode(soap, SOAP_ENC_MTOM);
        if (soap->userid && soap->passwd && user_ == soap->userid && password_ == soap->passwd) return SOAP_OK;
        return soap_receiverfault("[DOM_002]: Authentication failed for this plugin user", nullptr);
    }

    int fault(const std::string &code, const std::string &message) {
        soap_receiverfault(soap_strdup(soap, message.c_str()), nullptr);
        soap->fault->SOAP_ENV__Detail = soap_new_SOAP_ENV__Detail(soap);
        auto *detail = soap_new__ns1__FaultDetail(soap);
        detail->code = code;
        detail->message = message;
        soap->fault->SOAP_ENV__Detail->ns1__FaultDetail = detail;
        soap->header = nullptr;
        return SOAP_FAULT;
    }

    ns1__messageStatus status(const std::string &id) {
        auto found = messages_.find(id);
        if (found == messages_.end()) return ns1__messageStatus::NOT_USCOREFOUND;
        if (id.rfind("fail", 0) == 0) return ns1__messageStatus::SEND_USCOREFAILURE;
        return found->second.looks++ ? ns1__messageStatus::ACKNOWLEDGED : ns1__messageStatus::SEND_USCOREENQUEUED;
    }

    int errors(const std::string &id, ns1__messageErrors &answer) {
        if (!messages_.count(id)) return fault("WS_PLUGIN:0009", "Message not found, id [" + id + "]");
        if (id.rfind("fail", 0) != 0) return SOAP_OK;
        auto *item = soap_new_ns1__errorResultImpl(soap);
        item->domibusErrorCode = copy_of("EBMS_0005");
        item->errorDetail = copy_of("Connection refused");
        item->messageInErrorId = copy_of(id);
        item->mshRole = copy_of("SENDING");
        answer.item.push_back(item);
        return SOAP_OK;
    }

    bool is_unpushed(const std::string &id) {
        for (auto &one : unpushed_)
            if (one == id) return true;
        return false;
    }

    std::string *copy_of(const std::string &value) {
        auto *made = soap_new_std__string(soap);
        *made = value;
        return made;
    }

    std::string *optional(const std::string &value) { return value.empty() ? nullptr : copy_of(value); }

    Message read(const ns2__UserMessage &from, const _ns1__submitRequest &request) {
        Message message;
        if (from.MessageInfo) message.ref = text(from.MessageInfo->RefToMessageId);
        message.conversation = text(from.CollaborationInfo->ConversationId);
        message.action = from.CollaborationInfo->Action;
        if (from.CollaborationInfo->Service) message.service = from.CollaborationInfo->Service->__item;
        if (from.PartyInfo && from.PartyInfo->From) {
            message.from = from.PartyInfo->From->PartyId->__item;
            message.party_type = text(from.PartyInfo->From->PartyId->type);
            message.role_from = from.PartyInfo->From->Role;
        }
        if (from.PartyInfo && from.PartyInfo->To) {
            message.to = from.PartyInfo->To->PartyId->__item;
            message.role_to = from.PartyInfo->To->Role;
        }
        if (from.MessageProperties)
            for (auto *property : from.MessageProperties->Property)
                message.properties.emplace_back(property->name, property->__item);
        for (auto *payload : request.payload) {
            auto *bytes = reinterpret_cast<char *>(payload->value.__ptr);
            message.payloads.push_back({text(payload->payloadId), text(payload->contentType),
                                        std::string(bytes ? bytes : "", payload->value.__size)});
        }
        return message;
    }

    ns1__LargePayloadType *write(const Payload &payload) {
        auto *made = soap_new_ns1__LargePayloadType(soap);
        made->payloadId = copy_of(payload.id);
        made->contentType = copy_of(payload.type);
        made->value.__size = static_cast<int>(payload.data.size());
        made->value.__ptr = static_cast<unsigned char *>(soap_malloc(soap, payload.data.size() + 1));
        std::memcpy(made->value.__ptr, payload.data.data(), payload.data.size());
        if (mtom_) made->value.type = soap_strdup(soap, payload.type.c_str());
        return made;
    }

    ns2__Party *party(const std::string &id, const std::string &type, const std::string &role) {
        auto *made = soap_new_ns2__Party(soap);
        made->PartyId = soap_new_ns2__PartyId(soap);
        made->PartyId->__item = id;
        made->PartyId->type = optional(type);
        made->Role = role;
        return made;
    }

    _ns2__Messaging *header(const std::string &id, const Message &message) {
        auto *user = soap_new_ns2__UserMessage(soap);
        user->MessageInfo = soap_new_ns2__MessageInfo(soap);
        user->MessageInfo->MessageId = copy_of(id);
        user->MessageInfo->RefToMessageId = optional(message.ref);
        user->PartyInfo = soap_new_ns2__PartyInfo(soap);
        user->PartyInfo->From = party(message.from, message.party_type, message.role_from);
        if (!message.to.empty()) user->PartyInfo->To = party(message.to, message.party_type, message.role_to);
        user->CollaborationInfo = soap_new_ns2__CollaborationInfo(soap);
        user->CollaborationInfo->Service = soap_new_ns2__Service(soap);
        user->CollaborationInfo->Service->__item = message.service;
        user->CollaborationInfo->Action = message.action;
        user->CollaborationInfo->ConversationId = optional(message.conversation);
        user->MessageProperties = soap_new_ns2__MessageProperties(soap);
        for (auto &property : message.properties) {
            auto *made = soap_new_ns2__Property(soap);
            made->name = property.first;
            made->__item = property.second;
            user->MessageProperties->Property.push_back(made);
        }
        user->PayloadInfo = soap_new_ns2__PayloadInfo(soap);
        for (auto &payload : message.payloads) user->PayloadInfo->PartInfo.push_back(part(payload));
        auto *messaging = soap_new__ns2__Messaging(soap);
        messaging->UserMessage = user;
        return messaging;
    }

    ns2__PartInfo *part(const Payload &payload) {
        auto *made = soap_new_ns2__PartInfo(soap);
        made->href = copy_of(payload.id);
        made->PartProperties = soap_new_ns2__PartProperties(soap);
        auto *property = soap_new_ns2__Property(soap);
        property->name = "MimeType";
        property->__item = payload.type;
        made->PartProperties->Property.push_back(property);
        return made;
    }
};

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    Domibus server(std::strcmp(argv[2], "mtom") == 0, argv[3], argv[4]);
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
