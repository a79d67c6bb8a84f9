/* A sample of every push that yeta documents (Part 2, and 十 for the second record of an outbound call), in the
 * document's own numbers. */
#include "adapters/yeta.h"

/* clang-format off */
const struct adapter_kind yeta_kinds[] = {
    {"inbound call record", "receiveCallRecord", BODY_JSON, JSON_SAMPLE({
        "business_id": "2745",
        "app_id": "test",
        "robot_id": "2745001",
        "call_uuid": "123425c-6483-11e8-b8fa-2769c24918cd",
        "call_relation_id": "test-123",
        "task_id": "0",
        "task_data_id": "262381",
        "caller": "055196866001",
        "callee": "19900000001",
        "direction": 1,
        "time_dial": 1527737756729,
        "time_ring": 1527737757449,
        "time_answer": 1527737763429,
        "time_hangup": 1527737784829,
        "duration_ring": 7,
        "duration_call": 28
    })},
    {"outbound call record", "receiveCallRecord", BODY_JSON, JSON_SAMPLE({
        "call_uuid": "01M21S470GDVR68B345H7B5AES01SKVK",
        "business_id": "150",
        "robot_id": "1161",
        "task_id": "88785",
        "task_data_id": "88547143",
        "caller": "055196866001",
        "callee": "19900000001",
        "direction": 2,
        "time_dial": 1543935195000,
        "time_answer": 1543935205000,
        "time_hangup": 1543935211000,
        "duration_ring": 10,
        "duration_call": 6,
        "task_result": "15",
        "task_result_desc": "客户接听后并主动挂机",
        "task_tries": 0,
        "task_row_index": 3,
        "task_row_head": ["客户手机号码"],
        "task_row_value": ["18656957753"]
    })},
    {"recording", "receiveVoice", BODY_JSON, JSON_SAMPLE({
        "call_uuid": "809c825c-6483-11e8-b8db-2769c24918cd",
        "url": "ant/4/ivr/0/2018/05/31/0/452263-7571100e-7afc-42aa-9d69-ac25805d45b6.wav",
        "size": 1043244,
        "duration": 32,
        "business_id": "10527",
        "app_id": "123",
        "robot_id": "10527"
    })},
    {"dialog", "receiveDialog", BODY_JSON, JSON_SAMPLE({
        "business_id": "10527",
        "app_id": "123",
        "robot_id": "10527",
        "call_uuid": "f3b13ebc-6394-11e8-907d-ebcc4d560c04",
        "dialog": [
            {
                "seq": "3",
                "role": "robot",
                "node_id": "word_node_70601",
                "node_name": "开头语",
                "text_robot": "喂,您好!",
                "text_man": "",
                "question_id": ""
            },
            {
                "seq": "4",
                "role": "customer",
                "node_id": "word_node_70601",
                "node_name": "开头语",
                "text_robot": "喂,您好!",
                "text_man": "",
                "question_id": "",
                "hits": [{"hit": "任意回答", "pick": true, "answer_id": ""}]
            }
        ]
    })},
    {NULL, NULL, BODY_JSON, NULL},
};
/* clang-format on */
