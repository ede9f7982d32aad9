//! The metric that says "this device is active" (AWS Panorama Developer Guide, "Monitoring appliances and
//! applications with CloudWatch").

use super::Errand;
use super::https::{Call, Error, Https};

const NAME: &str = "DeviceActive";

pub(super) struct Metrics {
    https: Https,
    thing: String,
}

impl Metrics {
    pub(super) fn new(https: Https, thing: &str) -> Self {
        Self { https, thing: thing.to_owned() }
    }
}

impl Errand for Metrics {
    fn service(&self) -> &'static str {
        self.https.service
    }

    fn restart(&mut self) {
        self.https.hang_up();
    }

    async fn run(&mut self) -> Result<String, Error> {
        let body = serde_json::json!({
            "Namespace": "PanoramaDeviceMetrics",
            "MetricData": [{
                "MetricName": NAME,
                "Dimensions": [
                    { "Name": "DeviceId", "Value": format!("device-{}", self.thing) },
                    { "Name": "DeviceName", "Value": self.thing },
                ],
                "Timestamp": fake_facts::now() / 1_000_000_000,
                "Value": 1.0,
                "Unit": "Count",
            }],
        });
        let call = Call {
            method: "POST",
            path: "/",
            headers: &[
                ("content-type", "application/x-amz-json-1.0"),
                ("x-amz-target", "GraniteServiceVersion20100801.PutMetricData"),
            ],
            body: body.to_string().into_bytes(),
        };
        self.https.send(call).await?;
        Ok(NAME.to_owned())
    }
}
