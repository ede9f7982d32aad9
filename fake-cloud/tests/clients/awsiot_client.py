"""Plays one scene as a device of AWS's own SDK, under the real names and ports: SCENE [ARGUMENT].

Version 2 of the SDK speaks MQTT 3.1.1 in its first clients and MQTT 5 in its second ones.
"""

import json
import os
import sys
import threading
from concurrent.futures import Future

CLIENT = json.load(open(os.environ["CLOUD_CLIENT_FILE"], encoding="utf-8"))
THING = CLIENT["things"]["app"]
HOST = CLIENT["endpoints"]["iot"]
PATIENCE = 30


def mqtt3(client_id="app"):
    from awsiot import mqtt_connection_builder

    connection = mqtt_connection_builder.mtls_from_path(
        endpoint=HOST,
        cert_filepath=THING["certificate"],
        pri_key_filepath=THING["key"],
        ca_filepath=CLIENT["ca"],
        client_id=client_id,
        clean_session=True,
    )
    connection.connect().result(PATIENCE)
    return connection


def mqtt5(client_id="app"):
    from awsiot import mqtt5_client_builder

    connected, stopped = Future(), Future()
    client = mqtt5_client_builder.mtls_from_path(
        endpoint=HOST,
        cert_filepath=THING["certificate"],
        pri_key_filepath=THING["key"],
        ca_filepath=CLIENT["ca"],
        client_id=client_id,
        on_lifecycle_connection_success=lambda data: connected.done() or connected.set_result(data),
        on_lifecycle_stopped=lambda data: stopped.done() or stopped.set_result(data),
    )
    client.start()
    connected.result(PATIENCE)
    return client, stopped


class Once:
    """Values of callbacks, one after the other."""

    def __init__(self):
        self.values, self.more = [], threading.Condition()

    def __call__(self, value):
        with self.more:
            self.values.append(value)
            self.more.notify_all()

    def wait(self, count):
        with self.more:
            assert self.more.wait_for(lambda: len(self.values) >= count, PATIENCE), self.values
            return self.values[count - 1]


def jobs3():
    """The flow of the SDK's Jobs sample: listen, begin, do, say so, until nothing is left."""
    from awscrt import mqtt
    from awsiot import iotjobs

    connection = mqtt3()
    jobs, qos = iotjobs.IotJobsClient(connection), mqtt.QoS.AT_LEAST_ONCE
    changed, begun, updated, rejected = Once(), Once(), Once(), Once()
    name = {"thing_name": "app"}
    for subscribe, request, callback in (
        (
            jobs.subscribe_to_next_job_execution_changed_events,
            iotjobs.NextJobExecutionChangedSubscriptionRequest(**name),
            changed,
        ),
        (
            jobs.subscribe_to_start_next_pending_job_execution_accepted,
            iotjobs.StartNextPendingJobExecutionSubscriptionRequest(**name),
            begun,
        ),
        (
            jobs.subscribe_to_update_job_execution_accepted,
            iotjobs.UpdateJobExecutionSubscriptionRequest(job_id="+", **name),
            updated,
        ),
        (
            jobs.subscribe_to_update_job_execution_rejected,
            iotjobs.UpdateJobExecutionSubscriptionRequest(job_id="+", **name),
            rejected,
        ),
    ):
        subscribe(request=request, qos=qos, callback=callback)[0].result(PATIENCE)

    done, count = [], 0
    while True:
        count += 1
        request = iotjobs.StartNextPendingJobExecutionRequest(**name)
        jobs.publish_start_next_pending_job_execution(request, qos).result(PATIENCE)
        execution = begun.wait(count).execution
        if execution is None:
            break
        done.append([execution.job_id, execution.job_document["operation"], execution.version_number])
        request = iotjobs.UpdateJobExecutionRequest(
            job_id=execution.job_id,
            status=iotjobs.JobStatus.SUCCEEDED,
            expected_version=execution.version_number,
            client_token=f"t{count}",
            **name,
        )
        jobs.publish_update_job_execution(request, qos).result(PATIENCE)
        assert updated.wait(count).client_token == f"t{count}"
    request = iotjobs.UpdateJobExecutionRequest(job_id=done[0][0], status="FAILED", **name)
    jobs.publish_update_job_execution(request, qos).result(PATIENCE)
    code = rejected.wait(1).code
    after = changed.wait(len(done)).execution
    connection.disconnect().result(PATIENCE)
    return {"done": done, "rejected": code, "nothing_left": after is None}


def jobs5():
    """The same with the second client: requests and their answers, matched by token."""
    import awsiot
    from awscrt import mqtt_request_response
    from awsiot import iotjobs

    client, stopped = mqtt5()
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=4, max_streaming_subscriptions=2, operation_timeout_in_seconds=PATIENCE
    )
    jobs = iotjobs.IotJobsClientV2(client, options)
    changed, open_ = Once(), Once()
    stream = jobs.create_next_job_execution_changed_stream(
        iotjobs.NextJobExecutionChangedSubscriptionRequest(thing_name="app"),
        awsiot.ServiceStreamOptions(
            incoming_event_listener=changed, subscription_status_listener=open_
        ),
    )
    stream.open()
    open_.wait(1)
    request = iotjobs.GetPendingJobExecutionsRequest(thing_name="app")
    pending = jobs.get_pending_job_executions(request).result(PATIENCE)
    queued = [job.job_id for job in pending.queued_jobs]
    done = []
    while True:
        request = iotjobs.StartNextPendingJobExecutionRequest(thing_name="app")
        execution = jobs.start_next_pending_job_execution(request).result(PATIENCE).execution
        if execution is None:
            break
        done.append([execution.job_id, execution.job_document["operation"], execution.version_number])
        request = iotjobs.UpdateJobExecutionRequest(thing_name="app", job_id=execution.job_id, status="SUCCEEDED")
        jobs.update_job_execution(request).result(PATIENCE)
    try:
        jobs.describe_job_execution(
            iotjobs.DescribeJobExecutionRequest(thing_name="app", job_id=done[0][0])
        ).result(PATIENCE)
        code = None
    except awsiot.V2ServiceException as error:
        code = error.modeled_error.code
    after = changed.wait(len(done)).execution
    client.stop()
    stopped.result(PATIENCE)
    return {"queued": queued, "done": done, "rejected": code, "nothing_left": after is None}


def shadow3():
    """The flow of the SDK's Shadow sample: what is there, a wish from elsewhere, a report."""
    from awscrt import mqtt
    from awsiot import iotshadow

    connection = mqtt3()
    shadow, qos = iotshadow.IotShadowClient(connection), mqtt.QoS.AT_LEAST_ONCE
    rejected, delta, accepted, documents = Once(), Once(), Once(), Once()
    name = {"thing_name": "app"}
    for subscribe, request, callback in (
        (shadow.subscribe_to_get_shadow_rejected, iotshadow.GetShadowSubscriptionRequest(**name), rejected),
        (
            shadow.subscribe_to_shadow_delta_updated_events,
            iotshadow.ShadowDeltaUpdatedSubscriptionRequest(**name),
            delta,
        ),
        (shadow.subscribe_to_update_shadow_accepted, iotshadow.UpdateShadowSubscriptionRequest(**name), accepted),
        (
            shadow.subscribe_to_shadow_updated_events,
            iotshadow.ShadowUpdatedSubscriptionRequest(**name),
            documents,
        ),
    ):
        subscribe(request=request, qos=qos, callback=callback)[0].result(PATIENCE)
    shadow.publish_get_shadow(iotshadow.GetShadowRequest(**name), qos).result(PATIENCE)
    absent = rejected.wait(1).code

    def say(**state):
        request = iotshadow.UpdateShadowRequest(state=iotshadow.ShadowState(**state), client_token="t", **name)
        shadow.publish_update_shadow(request, qos).result(PATIENCE)

    say(desired={"color": "red"})
    wish = delta.wait(1)
    say(reported={"color": "red"})
    last = accepted.wait(2)
    change = documents.wait(2)
    connection.disconnect().result(PATIENCE)
    return {
        "absent": absent,
        "wish": [wish.state, wish.version],
        "last": [last.state.reported, last.version, last.client_token],
        "documents": [change.previous.version, change.current.version],
        "deltas": len(delta.values),
    }


def shadow5():
    from awscrt import mqtt_request_response
    from awsiot import iotshadow

    client, stopped = mqtt5()
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=6, max_streaming_subscriptions=2, operation_timeout_in_seconds=PATIENCE
    )
    shadow = iotshadow.IotShadowClientV2(client, options)
    name = {"thing_name": "app", "shadow_name": "lamp"}
    state = iotshadow.ShadowState(desired={"on": True})
    said = shadow.update_named_shadow(iotshadow.UpdateNamedShadowRequest(state=state, **name)).result(PATIENCE)
    got = shadow.get_named_shadow(iotshadow.GetNamedShadowRequest(**name)).result(PATIENCE)
    gone = shadow.delete_named_shadow(iotshadow.DeleteNamedShadowRequest(**name)).result(PATIENCE)
    client.stop()
    stopped.result(PATIENCE)
    return {"said": said.version, "got": [got.state.desired, got.state.delta], "gone": gone.version}


def first_sdk():
    """The SDK before that one, which speaks MQTT 3.1.1 with its own code: jobs by exact topics."""
    from AWSIoTPythonSDK.core.jobs.thingJobManager import jobExecutionStatus, jobExecutionTopicReplyType
    from AWSIoTPythonSDK.core.jobs.thingJobManager import jobExecutionTopicType as Topic
    from AWSIoTPythonSDK.MQTTLib import AWSIoTMQTTThingJobsClient

    jobs = AWSIoTMQTTThingJobsClient("app", "app", QoS=1)
    jobs.configureEndpoint(HOST, 443)
    jobs.configureCredentials(CLIENT["ca"], THING["key"], THING["certificate"])
    jobs.configureConnectDisconnectTimeout(PATIENCE)
    jobs.configureMQTTOperationTimeout(PATIENCE)
    jobs.connect()
    begun, updated = Once(), Once()
    accepted = jobExecutionTopicReplyType.JOB_ACCEPTED_REPLY_TYPE

    def told(into):
        return lambda client, userdata, message: into(json.loads(message.payload.decode()))

    jobs.createJobSubscription(told(begun), Topic.JOB_START_NEXT_TOPIC, accepted)
    jobs.createJobSubscription(told(updated), Topic.JOB_UPDATE_TOPIC, accepted, "+")
    jobs.sendJobsStartNext()
    execution = begun.wait(1)["execution"]
    jobs.sendJobsUpdate(execution["jobId"], jobExecutionStatus.JOB_EXECUTION_SUCCEEDED)
    updated.wait(1)
    jobs.sendJobsStartNext()
    after = begun.wait(2)
    jobs.disconnect()
    return {"done": [execution["jobId"], execution["jobDocument"]["operation"]], "left": "execution" in after}


print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
# Threads of the SDK's own must not hold up the end.
sys.stdout.flush()
os._exit(0)
