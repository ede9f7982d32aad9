"""Gives an appliance one job of each kind, as an operator with boto3, and tells what came of it: CLIENT_FILE."""

import json
import sys
import time

import boto3
from botocore.config import Config

CLIENT = json.load(open(sys.argv[1], encoding="utf-8"))
PATIENCE = 30


def client(service):
    return boto3.client(
        service,
        region_name=CLIENT["region"],
        aws_access_key_id=CLIENT["access_key_id"],
        aws_secret_access_key=CLIENT["secret_access_key"],
        endpoint_url=f"https://localhost:{CLIENT['https_port']}",
        verify=CLIENT["ca"],
        config=Config(s3={"addressing_style": "path"}),
    )


PANORAMA, IOT, S3 = client("panorama"), client("iot"), client("s3")
THING = f"arn:aws:iot:{CLIENT['region']}:{CLIENT['account']}:thing/app"


def until(ask, wanted):
    """What is asked again and again until it is as wanted; each question costs a round trip."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = ask()
        if wanted(found) or time.monotonic() > deadline:
            return found


def device():
    return PANORAMA.describe_device(DeviceId="app")


def device_job(**what):
    job = PANORAMA.create_job_for_devices(DeviceIds=["app"], **what)["Jobs"][0]["JobId"]
    ends = lambda found: found in ("COMPLETED", "FAILED")
    return until(lambda: PANORAMA.describe_device_job(JobId=job)["Status"], ends)


def iot_job(job, document):
    """State and details of a job of IoT Core's own."""
    IOT.create_job(jobId=job, targets=[THING], document=json.dumps(document))

    def execution():
        return IOT.describe_job_execution(jobId=job, thingName="app")["execution"]

    found = until(execution, lambda found: found["status"] not in ("QUEUED", "IN_PROGRESS"))
    return [found["status"], found["statusDetails"]["detailsMap"]]


def link(key, body, **more):
    S3.put_object(Bucket=CLIENT["bucket"], Key=key, Body=body)
    url = f"https://s3.{CLIENT['region']}.amazonaws.com/{CLIENT['bucket']}/{key}"
    return {"url": "${aws:iot:s3-presigned-url:" + url + "}", "name": key, **more}


def deployed():
    package = PANORAMA.create_package(PackageName="people")
    place = package["StorageLocation"]
    for prefix in ("ManifestPrefixLocation", "BinaryPrefixLocation"):
        S3.put_object(Bucket=CLIENT["bucket"], Key=place[prefix] + "/x", Body=b"content")
    version = {"PackageId": package["PackageId"], "PackageVersion": "1.0", "PatchVersion": "p"}
    PANORAMA.register_package_version(**version)
    graph = {"packages": [{"name": CLIENT["account"] + "::people", "version": "1.0"}], "nodes": []}
    made = PANORAMA.create_application_instance(
        DefaultRuntimeContextDevice="app", ManifestPayload={"PayloadData": json.dumps({"nodeGraph": graph})}
    )["ApplicationInstanceId"]

    def status():
        return PANORAMA.describe_application_instance(ApplicationInstanceId=made)["Status"]

    states = [until(status, lambda found: found == "DEPLOYMENT_SUCCEEDED")]
    PANORAMA.remove_application_instance(ApplicationInstanceId=made)
    states.append(until(status, lambda found: found == "REMOVAL_SUCCEEDED"))
    return states


def credentials():
    """A certificate is made, stored where two links lead, and put in use."""
    made = IOT.create_keys_and_certificate(setAsActive=True)
    everything = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    IOT.create_policy(policyName="all", policyDocument=document)
    IOT.attach_policy(policyName="all", target=made["certificateArn"])
    IOT.attach_thing_principal(thingName="app", principal=made["certificateArn"])
    job = {
        "operation": "credentials",
        "certificate": link("new/cert.pem", made["certificatePem"].encode()),
        "privateKey": link("new/key.pem", made["keyPair"]["PrivateKey"].encode()),
    }
    return iot_job("credentials", job), made["certificateId"]


online = until(device, lambda found: found["DeviceConnectionStatus"] == "ONLINE")
first = online["CurrentSoftware"]
updated = device_job(JobType="OTA", DeviceJobConfig={"OTAJobConfig": {"ImageVersion": "9.9.9"}})
after = until(device, lambda found: found["CurrentSoftware"] == "9.9.9")
wrong = {"operation": "deploy", "applicationInstanceId": "x", "artefacts": [link("a", b"a", sha256="0" * 64)]}
changed, certificate = credentials()
print(
    json.dumps(
        {
            "online": [online["DeviceConnectionStatus"], first != "9.9.9"],
            "ports": sorted(online["CurrentNetworkingStatus"]),
            "updated": [updated, after["CurrentSoftware"]],
            "restarted": device_job(JobType="REBOOT"),
            "deployed": deployed(),
            "wrong": iot_job("wrong", wrong),
            "configured": iot_job("configured", {"operation": "configuration", "monitorEveryMs": 100}),
            "misconfigured": iot_job("misconfigured", {"operation": "configuration", "monitorEveryMs": 1})[0],
            "unknown": iot_job("unknown", {"operation": "dance"})[0],
            "no_cameras": iot_job("no-cameras", {"operation": "scan-cameras"})[0],
            "certified": changed[0],
            "certificate": certificate,
            "still": until(device, lambda found: found["DeviceConnectionStatus"] == "ONLINE")["DeviceConnectionStatus"],
        }
    )
)
