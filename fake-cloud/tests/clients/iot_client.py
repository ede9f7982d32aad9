"""Plays one scene with IoT Core's control plane and its data planes, by boto3: SCENE [ARGUMENT]."""

import json
import sys
import time

import boto3
import cloud
from botocore.config import Config
from botocore.exceptions import ClientError

THING_ARN = f"arn:aws:iot:{cloud.CLIENT['region']}:{cloud.CLIENT['account']}:thing/app"


def client(service, endpoint=None):
    return boto3.client(
        service,
        region_name=cloud.CLIENT["region"],
        aws_access_key_id=cloud.CLIENT["access_key_id"],
        aws_secret_access_key=cloud.CLIENT["secret_access_key"],
        endpoint_url=endpoint,
        verify=cloud.CLIENT["ca"],
        config=Config(retries={"total_max_attempts": 1}),
    )


IOT, DATA = client("iot"), client("iot-data")
# The name that SDKs resolve by themselves, and the account's own.
JOBS = client("iot-jobs-data")
JOBS_OF_ACCOUNT = client("iot-jobs-data", "https://" + cloud.CLIENT["endpoints"]["iot"])


def refusal(call, **arguments):
    """Code and status of what is refused."""
    try:
        call(**arguments)
    except ClientError as error:
        return [error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]]
    return None


def create(job, document='{"do": "it"}', **more):
    return IOT.create_job(jobId=job, targets=[THING_ARN], document=document, **more)


def control():
    made = create("one", description="first", timeoutConfig={"inProgressTimeoutInMinutes": 10})
    again = create("one", description="first")
    create("two")
    job = IOT.describe_job(jobId="one")["job"]
    listed = sorted(entry["jobId"] for entry in IOT.list_jobs(status="IN_PROGRESS")["jobs"])
    pages = [page["jobs"] for page in IOT.get_paginator("list_jobs").paginate(PaginationConfig={"PageSize": 1})]
    of_thing = IOT.list_job_executions_for_thing(thingName="app")["executionSummaries"]
    of_job = IOT.list_job_executions_for_job(jobId="one")["executionSummaries"]
    execution = IOT.describe_job_execution(jobId="one", thingName="app")["execution"]
    document = IOT.get_job_document(jobId="two")["document"]
    seconds = abs(time.time() - job["createdAt"].timestamp())
    IOT.cancel_job(jobId="one", comment="no", reasonCode="X")
    canceled = IOT.describe_job(jobId="one")["job"]
    status = IOT.describe_job_execution(jobId="one", thingName="app")["execution"]["status"]
    IOT.delete_job(jobId="one")
    refusals = {
        "again": refusal(create, job="two", document="{}"),
        "no thing": refusal(IOT.create_job, jobId="x", targets=[THING_ARN + "-none"], document="{}"),
        "no document": refusal(IOT.create_job, jobId="x", targets=[THING_ARN]),
        "no object": refusal(create, job="x", document="[]"),
        "not there": refusal(IOT.describe_job, jobId="one"),
        "in progress": refusal(IOT.delete_job, jobId="two"),
        "no execution": refusal(IOT.describe_job_execution, jobId="none", thingName="app"),
    }
    IOT.delete_job(jobId="two", force=True)
    return {
        "arn": made["jobArn"],
        "again": again["jobId"],
        "job": [job["status"], job["targets"], job["description"], job["jobProcessDetails"]["numberOfQueuedThings"]],
        "timeout": job["timeoutConfig"]["inProgressTimeoutInMinutes"],
        "recent": seconds < 60,
        "listed": listed,
        "pages": [len(page) for page in pages],
        "of_thing": [entry["jobId"] for entry in of_thing],
        "of_job": [entry["thingArn"] for entry in of_job],
        "execution": [execution["status"], execution["versionNumber"], execution["thingArn"]],
        "document": document,
        "canceled": [canceled["status"], canceled["comment"], canceled["reasonCode"], status],
        "refusals": refusals,
        "left": IOT.list_jobs()["jobs"],
    }


def data():
    """A device over HTTPS: what there is, begin, say how it goes, end."""
    for job in ("one", "two"):
        create(job)
    pending = JOBS.get_pending_job_executions(thingName="app")
    next_one = JOBS.describe_job_execution(thingName="app", jobId="$next")["execution"]
    begun = JOBS.start_next_pending_job_execution(thingName="app", statusDetails={"step": "1"})["execution"]
    stale = refusal(
        JOBS.update_job_execution, thingName="app", jobId="one", status="IN_PROGRESS", expectedVersion=1
    )
    going = JOBS_OF_ACCOUNT.update_job_execution(
        thingName="app",
        jobId="one",
        status="IN_PROGRESS",
        statusDetails={"step": "2"},
        expectedVersion=2,
        includeJobExecutionState=True,
        includeJobDocument=True,
    )
    JOBS.update_job_execution(thingName="app", jobId="one", status="SUCCEEDED")
    refusals = {
        "stale": stale,
        "ended": refusal(JOBS.update_job_execution, thingName="app", jobId="one", status="FAILED"),
        "described": refusal(JOBS.describe_job_execution, thingName="app", jobId="one"),
        "no job": refusal(JOBS.update_job_execution, thingName="app", jobId="none", status="FAILED"),
        "no thing": refusal(JOBS.get_pending_job_executions, thingName="none"),
        "status": refusal(JOBS.update_job_execution, thingName="app", jobId="two", status="QUEUED"),
    }
    left = JOBS.get_pending_job_executions(thingName="app")
    control_says = IOT.describe_job_execution(jobId="one", thingName="app")["execution"]
    return {
        "pending": [[job["jobId"] for job in pending[kind]] for kind in ("inProgressJobs", "queuedJobs")],
        "next": [next_one["jobId"], next_one["status"], next_one["thingName"], next_one["jobDocument"]],
        "begun": [begun["jobId"], begun["status"], begun["versionNumber"], begun["statusDetails"]],
        "whole_seconds": isinstance(begun["startedAt"], int),
        "going": [going["executionState"], going["jobDocument"]],
        "refusals": refusals,
        "left": [job["jobId"] for job in left["queuedJobs"]],
        "job": IOT.describe_job(jobId="one")["job"]["status"],
        "control": [control_says["status"], control_says["statusDetails"]["detailsMap"]],
    }


def documents():
    """Documents of 32 KiB, one byte more, and one of S3 with a link that is signed when it is handed over."""
    s3 = client("s3")
    bucket, region = cloud.CLIENT["bucket"], cloud.CLIENT["region"]
    s3.put_object(Bucket=bucket, Key="artefacts/app.bin", Body=b"artefact")
    url = f"https://s3.{region}.amazonaws.com/{bucket}/artefacts/app.bin"
    link = json.dumps({"operation": "fetch", "url": "${aws:iot:s3-presigned-url:" + url + "}"})
    s3.put_object(Bucket=bucket, Key="jobs/fetch.json", Body=link.encode())
    source = f"https://{bucket}.s3.{region}.amazonaws.com/jobs/fetch.json"
    IOT.create_job(jobId="fetch", targets=[THING_ARN], documentSource=source)
    handed = json.loads(JOBS.start_next_pending_job_execution(thingName="app")["execution"]["jobDocument"])
    fetched = cloud.fetch(handed["url"])
    padding = 32768 - len(json.dumps({"p": ""}))
    whole, more = json.dumps({"p": "x" * padding}), json.dumps({"p": "x" * (padding + 1)})
    create("whole", document=whole)
    JOBS.update_job_execution(thingName="app", jobId="fetch", status="SUCCEEDED")
    told = JOBS.describe_job_execution(thingName="app", jobId="$next")["execution"]["jobDocument"]
    return {
        "fetched": fetched,
        "altered": cloud.fetch(handed["url"].replace("app.bin", "other.bin"))[0],
        "whole": told == whole,
        "more": refusal(create, job="more", document=more),
        "no source": refusal(IOT.create_job, jobId="x", targets=[THING_ARN], documentSource=url + "-none"),
    }


def until(ask, wanted):
    deadline = time.monotonic() + 20
    while True:
        found = ask()
        if wanted(found) or time.monotonic() > deadline:
            return found


def timers():
    """A step that takes too long, one whose timer is taken away, and a job that takes too long."""

    def status(job):
        return IOT.describe_job_execution(jobId=job, thingName="app")["execution"]["status"]

    def ended(job):
        return until(lambda: status(job), lambda found: found != "IN_PROGRESS")

    create("step")
    JOBS.start_next_pending_job_execution(thingName="app", stepTimeoutInMinutes=1)
    step = ended("step")
    create("free")
    left = JOBS.start_next_pending_job_execution(thingName="app", stepTimeoutInMinutes=1)["execution"]
    JOBS.update_job_execution(thingName="app", jobId="free", status="IN_PROGRESS", stepTimeoutInMinutes=-1)
    create("whole", timeoutConfig={"inProgressTimeoutInMinutes": 1})
    JOBS.update_job_execution(thingName="app", jobId="whole", status="IN_PROGRESS")
    whole = ended("whole")
    return {
        "step": step,
        "left": "approximateSecondsBeforeTimedOut" in left,
        "whole": whole,
        "free": status("free"),
        "late": refusal(JOBS.update_job_execution, thingName="app", jobId="step", status="SUCCEEDED"),
    }


def endpoints():
    return {
        "data": IOT.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"],
        "credentials": IOT.describe_endpoint(endpointType="iot:CredentialProvider")["endpointAddress"],
        "jobs": refusal(IOT.describe_endpoint, endpointType="iot:Jobs"),
    }


def shadow():
    def text(answer):
        return json.loads(answer["payload"].read())

    absent = refusal(DATA.get_thing_shadow, thingName="app")
    wanted = text(DATA.update_thing_shadow(thingName="app", payload=b'{"state": {"desired": {"on": true}}}'))
    got = text(DATA.get_thing_shadow(thingName="app"))
    for name in ("one", "two"):
        DATA.update_thing_shadow(thingName="app", shadowName=name, payload=b'{"state": {"reported": {"n": 1}}}')
    first = DATA.list_named_shadows_for_thing(thingName="app", pageSize=1)
    rest = DATA.list_named_shadows_for_thing(thingName="app", nextToken=first["nextToken"])
    stale = b'{"state": {"desired": {"on": false}}, "version": 7}'
    refusals = {
        "absent": absent,
        "stale": refusal(DATA.update_thing_shadow, thingName="app", payload=stale),
        "no json": refusal(DATA.update_thing_shadow, thingName="app", payload=b"{"),
        "large": refusal(DATA.update_thing_shadow, thingName="app", payload=b'{"state":{"desired":{"a":"' + b"x" * 8192 + b'"}}}'),
    }
    deleted = text(DATA.delete_thing_shadow(thingName="app"))
    anew = text(DATA.update_thing_shadow(thingName="app", payload=b'{"state": {"desired": {"on": true}}}'))
    return {
        "wanted": [wanted["state"], wanted["version"]],
        "got": got["state"],
        "names": first["results"] + rest["results"],
        "deleted": deleted["version"],
        "anew": anew["version"],
        "refusals": refusals,
    }


def certificates():
    """A certificate that is made, given a policy and a thing, as an operator does it."""
    made = IOT.create_keys_and_certificate(setAsActive=True)
    IOT.create_thing(thingName="new")
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
    }
    IOT.create_policy(policyName="all", policyDocument=json.dumps(document))
    IOT.attach_policy(policyName="all", target=made["certificateArn"])
    IOT.attach_thing_principal(thingName="new", principal=made["certificateArn"])
    return {
        "id": made["certificateId"],
        "pem": made["certificatePem"],
        "key": made["keyPair"]["PrivateKey"],
        "things": sorted(thing["thingName"] for thing in IOT.list_things()["things"]),
        "malformed": refusal(IOT.create_policy, policyName="bad", policyDocument="{}"),
        "no policy": refusal(IOT.attach_policy, policyName="none", target=made["certificateArn"]),
    }


cloud.show(globals()[sys.argv[1]](*sys.argv[2:]))
