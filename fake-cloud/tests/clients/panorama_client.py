"""Plays one scene with Panorama's own service, by boto3, and as a device by paho-mqtt: SCENE."""

import io
import json
import os
import queue
import ssl
import sys
import tempfile
import zipfile

import boto3
import cloud
import paho.mqtt.client as mqtt
from botocore.config import Config
from botocore.exceptions import ClientError

PATIENCE = 20
NETWORK = {
    "Ethernet0": {
        "ConnectionType": "STATIC_IP",
        "StaticIpConnectionInfo": {
            "IpAddress": "192.168.0.10/24", "Mask": "255.255.255.0", "DefaultGateway": "192.168.0.1",
            "Dns": ["192.168.0.1"],
        },
    },
    "Ethernet1": {"ConnectionType": "DHCP"},
    "Ntp": {"NtpServers": ["0.pool.ntp.org"]},
}
STATUS = {
    "softwareVersion": "1.2.3",
    "eth0": "CONNECTED 192.168.0.10/24 02:00:00:00:00:01",
    "eth1": "NOT_CONNECTED -- 02:00:00:00:00:02",
    "ntp": "CONNECTED 192.168.0.1 0.pool.ntp.org",
}


def client(service):
    return boto3.client(
        service,
        region_name=cloud.CLIENT["region"],
        aws_access_key_id=cloud.CLIENT["access_key_id"],
        aws_secret_access_key=cloud.CLIENT["secret_access_key"],
        verify=cloud.CLIENT["ca"],
        config=Config(retries={"total_max_attempts": 1}),
    )


PANORAMA = client("panorama")


def refusal(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        said = error.response
        more = {key: said[key] for key in ("Reason", "ResourceId", "ResourceType", "QuotaCode") if key in said}
        return [said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"], bool(said["Error"]["Message"]), more]
    return None


class Device:
    """A device with a certificate; messages land in a queue, or with `answers` status jobs are answered."""

    def __init__(self, thing, certificate, key, answers=False):
        context = ssl.create_default_context(cafile=cloud.CLIENT["ca"])
        context.set_alpn_protocols(["x-amzn-mqtt-ca"])
        context.load_cert_chain(certificate, key)
        self.thing, self.answers, self.inbox, self.events = thing, answers, queue.Queue(), queue.Queue()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=thing, reconnect_on_failure=False)
        self.client.tls_set_context(context)
        self.client.on_connect = lambda c, u, f, reason, p: self.events.put(str(reason))
        self.client.on_disconnect = lambda c, u, f, reason, p: self.events.put("cut")
        self.client.on_subscribe = lambda *a: self.events.put("subscribed")
        self.client.on_message = self.take

    def connect(self):
        self.client.connect(cloud.CLIENT["endpoints"]["iot"], 443)
        self.client.loop_start()
        return self.events.get(timeout=PATIENCE)

    def subscribe(self, topic):
        self.client.subscribe(topic, 1)
        assert self.events.get(timeout=PATIENCE) == "subscribed"

    def jobs(self):
        self.subscribe(self.topic("notify-next"))
        self.say("$next/get", {})

    def topic(self, rest):
        return f"$aws/things/{self.thing}/jobs/{rest}"

    def say(self, rest, said):
        self.client.publish(self.topic(rest), json.dumps(said), 1)

    def take(self, c, u, message):
        said = json.loads(message.payload)
        execution = said.get("execution")
        if execution and "jobDocument" in execution:
            document = execution["jobDocument"]
            if document["operation"] == "status":
                if self.answers:
                    self.say(execution["jobId"] + "/update", {"status": "SUCCEEDED", "statusDetails": STATUS})
                return
            self.inbox.put((execution["jobId"], document))
        elif not message.topic.startswith("$aws/things/"):
            self.inbox.put((message.topic, said))

    def next(self, operation):
        """The next job with this operation; the same may be told more than once."""
        while True:
            job, document = self.inbox.get(timeout=PATIENCE)
            if isinstance(document, dict) and document.get("operation") == operation:
                return job, document

    def update(self, job, status, **details):
        accepted = self.topic(f"{job}/update")
        said = {"status": status}
        if details:
            said["statusDetails"] = details
        self.client.publish(accepted, json.dumps(said), 1).wait_for_publish(PATIENCE)

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


def existing(answers=True):
    files = cloud.CLIENT["things"]["app"]
    device = Device("app", files["certificate"], files["key"], answers)
    device.connect()
    device.jobs()
    return device


def until(ask, wanted):
    """What is asked again and again until it is as wanted; each question costs a round trip."""
    import time

    deadline = time.monotonic() + PATIENCE
    while True:
        found = ask()
        if wanted(found) or time.monotonic() > deadline:
            return found


def described(device_id, status):
    return until(
        lambda: PANORAMA.describe_device(DeviceId=device_id), lambda found: found["DeviceConnectionStatus"] == status
    )


def provision():
    """A new device: provisioned, its archive, its own certificate, online."""
    made = PANORAMA.provision_device(Name="dock", NetworkingConfiguration=NETWORK, Tags={"a": "b"})
    device_id = made["DeviceId"]
    before = PANORAMA.describe_device(DeviceId=device_id)
    folder = tempfile.mkdtemp(dir=os.environ["HOME"])
    with zipfile.ZipFile(io.BytesIO(made["Certificates"])) as archive:
        assert archive.testzip() is None
        names = sorted(archive.namelist())
        archive.extractall(folder)
    config = json.load(open(os.path.join(folder, "config.json"), encoding="utf-8"))
    claim = [os.path.join(folder, "certificates", "claim.pem." + kind) for kind in ("crt", "key")]
    device = Device(config["thingName"], *claim)
    connected = device.connect()
    for topic in ("$aws/certificates/create/json/+", "$aws/provisioning-templates/panorama/provision/json/+"):
        device.subscribe(topic)
    device.client.publish("$aws/certificates/create/json", "", 1)
    topic, own = device.inbox.get(timeout=PATIENCE)
    wrong = json.dumps({"certificateOwnershipToken": "x"})
    device.client.publish("$aws/provisioning-templates/panorama/provision/json", wrong, 1)
    rejected = device.inbox.get(timeout=PATIENCE)[1]
    token = json.dumps({"certificateOwnershipToken": own["certificateOwnershipToken"]})
    device.client.publish("$aws/provisioning-templates/panorama/provision/json", token, 1)
    named = device.inbox.get(timeout=PATIENCE)[1]
    # What the first certificate is not for.
    device.client.publish(f"panorama/{device_id}/status", "x", 1)
    cut = device.events.get(timeout=PATIENCE)
    device.client.loop_stop()
    files = [os.path.join(folder, name) for name in ("own.crt", "own.key")]
    for path, text in zip(files, (own["certificatePem"], own["privateKey"])):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    offline = PANORAMA.describe_device(DeviceId=device_id)["DeviceConnectionStatus"]
    device = Device(device_id, *files, answers=True)
    device.connect()
    device.jobs()
    online = described(device_id, "ONLINE")
    device.leave()
    gone = described(device_id, "OFFLINE")
    return {
        "status": made["Status"],
        "before": [before["DeviceConnectionStatus"], before["ProvisioningStatus"], before["Tags"]],
        "network": before["NetworkingConfiguration"] == NETWORK,
        "files": names,
        "connected": connected,
        "rejected": rejected["errorCode"],
        "named": named["thingName"] == device_id,
        "cut": cut,
        "offline": offline,
        "online": [online["DeviceConnectionStatus"], online["CurrentSoftware"], online["DeviceAggregatedStatus"]],
        "ports": {key: value for key, value in online["CurrentNetworkingStatus"].items() if key != "LastUpdatedTime"},
        "gone": gone["DeviceConnectionStatus"],
    }


def silent():
    """A device that is connected and stops answering, and one that answers again."""
    device = existing()
    online = described("app", "ONLINE")["DeviceConnectionStatus"]
    device.answers = False
    silent_ = described("app", "OFFLINE")["DeviceConnectionStatus"]
    device.answers = True
    back = described("app", "ONLINE")["DeviceConnectionStatus"]
    device.leave()
    return {"states": [online, silent_, back]}


def jobs():
    """An update and a restart, as the operator sees them while the device works."""
    device = existing()
    described("app", "ONLINE")
    ota = {"OTAJobConfig": {"ImageVersion": "2.0.0"}}
    job = PANORAMA.create_job_for_devices(DeviceIds=["app"], JobType="OTA", DeviceJobConfig=ota)["Jobs"][0]["JobId"]

    def status():
        return PANORAMA.describe_device_job(JobId=job)["Status"]

    def becomes(word):
        return until(status, lambda found: found == word)

    states = [status()]
    told, document = device.next("ota")
    for step in ("DOWNLOADING", "VERIFYING", "REBOOTING"):
        device.update(job, "IN_PROGRESS", step=step)
        states.append(becomes(step))
    device.update(job, "SUCCEEDED")
    states.append(becomes("COMPLETED"))
    latest = PANORAMA.describe_device(DeviceId="app")
    second = PANORAMA.create_job_for_devices(DeviceIds=["app"], JobType="REBOOT")["Jobs"][0]["JobId"]
    device.next("reboot")
    device.update(second, "FAILED")
    failed = until(
        lambda: PANORAMA.describe_device_job(JobId=second)["Status"], lambda found: found == "FAILED"
    )
    device.leave()
    return {
        "ids": [job, second],
        "told": [told, document],
        "states": states,
        "latest": [latest["LatestSoftware"], latest["LatestDeviceJob"]],
        "failed": failed,
        "listed": [entry["JobId"] for entry in PANORAMA.list_devices_jobs(DeviceId="app")["DeviceJobs"]],
        "two": refusal(PANORAMA.create_job_for_devices, DeviceIds=["app", "b"], JobType="REBOOT"),
        "none": refusal(PANORAMA.create_job_for_devices, DeviceIds=["none"], JobType="REBOOT"),
        "no image": refusal(PANORAMA.create_job_for_devices, DeviceIds=["app"], JobType="OTA"),
    }


def application():
    """A package is registered, deployed with its artefacts, paused, and removed."""
    s3, device = client("s3"), existing()
    described("app", "ONLINE")
    package = PANORAMA.create_package(PackageName="people")
    place = package["StorageLocation"]
    PANORAMA.register_package_version(PackageId=package["PackageId"], PackageVersion="0.9", PatchVersion="p0")
    failed = PANORAMA.describe_package_version(PackageId=package["PackageId"], PackageVersion="0.9", PatchVersion="p0")
    for prefix, name, body in (
        (place["ManifestPrefixLocation"], "1.0.json", b"{}"),
        (place["BinaryPrefixLocation"], "model.bin", b"weights"),
    ):
        s3.put_object(Bucket=place["Bucket"], Key=f"{prefix}/{name}", Body=body)
    PANORAMA.register_package_version(
        PackageId=package["PackageId"], PackageVersion="1.0", PatchVersion="p1", MarkLatest=True
    )
    version = PANORAMA.describe_package_version(PackageId=package["PackageId"], PackageVersion="1.0")
    account = cloud.CLIENT["account"]
    graph = {
        "envelopeVersion": "2021-01-01",
        "packages": [{"name": f"{account}::people", "version": "1.0"}],
        "nodes": [{"name": "code", "interface": f"{account}::people.code"}],
        "edges": [],
    }
    manifest = {"PayloadData": json.dumps({"nodeGraph": graph})}
    made = PANORAMA.create_application_instance(
        Name="count", DefaultRuntimeContextDevice="app", ManifestPayload=manifest
    )
    instance = made["ApplicationInstanceId"]

    def state():
        return PANORAMA.describe_application_instance(ApplicationInstanceId=instance)

    def becomes(word):
        return until(state, lambda found: found["Status"] == word)["Status"]

    states = [state()["Status"]]
    job, document = device.next("deploy")
    fetched = sorted(cloud.fetch(artefact["url"]) for artefact in document["artefacts"])
    device.update(job, "IN_PROGRESS")
    states.append(becomes("DEPLOYMENT_IN_PROGRESS"))
    device.update(job, "SUCCEEDED")
    states.append(becomes("DEPLOYMENT_SUCCEEDED"))
    health = state()["HealthStatus"]

    def node():
        return PANORAMA.list_application_instance_node_instances(ApplicationInstanceId=instance)["NodeInstances"][0]

    signals = [{"NodeInstanceId": "code", "Signal": "PAUSE"}]
    nodes = [node()["CurrentStatus"]]
    PANORAMA.signal_application_instance_node_instances(ApplicationInstanceId=instance, NodeSignals=signals)
    device.update(device.next("signal")[0], "SUCCEEDED")
    nodes.append(until(node, lambda found: found["CurrentStatus"] == "PAUSED")["CurrentStatus"])
    listed = PANORAMA.list_application_instances(DeviceId="app", StatusFilter="DEPLOYMENT_SUCCEEDED")
    PANORAMA.remove_application_instance(ApplicationInstanceId=instance)
    states.append(state()["Status"])
    device.update(device.next("remove")[0], "SUCCEEDED")
    states.append(becomes("REMOVAL_SUCCEEDED"))
    device.leave()
    for _ in range(10):
        PANORAMA.create_application_instance(DefaultRuntimeContextDevice="app", ManifestPayload=manifest)
    return {
        "early": failed["Status"],
        "version": [version["Status"], version["IsLatestPatch"], version["PatchVersion"]],
        "fetched": [text for _, text in fetched],
        "hashes": len([a for a in document["artefacts"] if len(a["sha256"]) == 64]),
        "states": states,
        "health": health,
        "nodes": nodes,
        "listed": [entry["ApplicationInstanceId"] == instance for entry in listed["ApplicationInstances"]],
        "eleventh": refusal(
            PANORAMA.create_application_instance, DefaultRuntimeContextDevice="app", ManifestPayload=manifest
        ),
        "no manifest": refusal(
            PANORAMA.create_application_instance,
            DefaultRuntimeContextDevice="app",
            ManifestPayload={"PayloadData": "{}"},
        ),
    }


def camera():
    parameters = {"Username": "viewer", "Password": "secret", "StreamUrl": "rtsp://10.20.0.11:554/stream"}
    template = {
        "TemplateType": "RTSP_CAMERA_STREAM",
        "NodeName": "dock",
        "OutputPackageName": "dock-camera",
        "OutputPackageVersion": "1.0",
    }
    job = PANORAMA.create_node_from_template_job(TemplateParameters=parameters, **template)["JobId"]
    done = PANORAMA.describe_node_from_template_job(JobId=job)
    node = PANORAMA.list_nodes(Category="MEDIA_SOURCE")["Nodes"][0]
    whole = PANORAMA.describe_node(NodeId=node["NodeId"])
    return {
        "job": [done["Status"], done["TemplateParameters"]],
        "node": [node["Name"], node["PackageName"], whole["NodeInterface"]["Outputs"][0]["Type"]],
        "listed": len(PANORAMA.list_node_from_template_jobs()["NodeFromTemplateJobs"]),
        "again": refusal(PANORAMA.create_node_from_template_job, TemplateParameters=parameters, **template)[:3],
        "no stream": refusal(PANORAMA.create_node_from_template_job, TemplateParameters={}, **template),
    }


def devices():
    ids = [PANORAMA.provision_device(Name=name)["DeviceId"] for name in ("b", "a")]
    arn = PANORAMA.describe_device(DeviceId=ids[0])["Arn"]
    PANORAMA.update_device_metadata(DeviceId=ids[0], Description="at the door")
    PANORAMA.tag_resource(ResourceArn=arn, Tags={"x": "1", "y": "2"})
    PANORAMA.untag_resource(ResourceArn=arn, TagKeys=["x"])
    listed = [entry["Name"] for entry in PANORAMA.list_devices(SortBy="NAME")["Devices"]]
    page = PANORAMA.list_devices(MaxResults=1)
    rest = PANORAMA.list_devices(NextToken=page["NextToken"])
    found = PANORAMA.describe_device(DeviceId=ids[0])
    tags = PANORAMA.list_tags_for_resource(ResourceArn=arn)["Tags"]
    PANORAMA.delete_device(DeviceId=ids[0])
    static = {"Ethernet0": {"ConnectionType": "STATIC_IP"}}
    import urllib3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    url = f"https://panorama.{cloud.CLIENT['region']}.amazonaws.com/nowhere"
    request = AWSRequest("GET", url)
    keys = Credentials(cloud.CLIENT["access_key_id"], cloud.CLIENT["secret_access_key"])
    SigV4Auth(keys, "panorama", cloud.CLIENT["region"]).add_auth(request)
    unknown = urllib3.PoolManager(ca_certs=cloud.CLIENT["ca"], retries=False).request(
        "GET", url, headers=dict(request.headers)
    )
    return {
        "listed": listed,
        "pages": [len(page["Devices"]), len(rest["Devices"])],
        "found": [found["Description"], tags],
        "gone": refusal(PANORAMA.describe_device, DeviceId=ids[0])[:3],
        "static": refusal(PANORAMA.provision_device, Name="c", NetworkingConfiguration=static),
        "unknown": json.loads(unknown.data)["Reason"],
    }


cloud.show(globals()[sys.argv[1]](*sys.argv[2:]))
