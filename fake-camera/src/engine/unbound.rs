//! What GStreamer has and its bindings lack: all of the engine's unsafe code.

use std::ffi::CStr;
use std::ptr::null_mut;

use gst_rtsp_server::RTSPContext;
use gst_rtsp_server::ffi::GstRTSPContext;
use gst_rtsp_server::glib::translate::ToGlibPtr;
use gst_rtsp_server::gst_rtsp::{RTSPAuthParam, ffi};
use gstreamer_rtsp_server as gst_rtsp_server;

/// Status code of the answer that goes out; `None` if there is none.
#[expect(unsafe_code, reason = "the bindings have no getter for the status of an answer")]
pub(super) fn status(context: &RTSPContext) -> Option<u32> {
    let context: *mut GstRTSPContext = context.to_glib_none().0;
    let mut code: ffi::GstRTSPStatusCode = 0;
    // SAFETY: the context is the one of the request that this thread is answering, so it and its answer live
    // until the signal handler returns; the function only reads the answer, writes one integer, and takes null
    // for what is not asked for.
    let result = unsafe {
        let answer = (*context).response;
        if answer.is_null() {
            return None;
        }
        ffi::gst_rtsp_message_parse_response(answer, &mut code, null_mut(), null_mut())
    };
    (result == ffi::GST_RTSP_OK).then_some(code as u32)
}

/// Method of the request that is being answered, such as `PLAY`; `None` if there is none.
#[expect(unsafe_code, reason = "the bindings have no getter for the method of a request")]
pub(super) fn method(context: &RTSPContext) -> Option<String> {
    let context: *mut GstRTSPContext = context.to_glib_none().0;
    // SAFETY: the context is the one of the request that this thread is answering, so it lives while this runs. The
    // function knows every method and gives a text that is never freed, or null.
    let text = unsafe {
        let text = ffi::gst_rtsp_method_as_text((*context).method);
        if text.is_null() {
            return None;
        }
        CStr::from_ptr(text)
    };
    text.to_str().ok().map(str::to_owned)
}

/// Name and value of a parameter of `Authorization`; `None` where one is missing or no text.
#[expect(unsafe_code, reason = "the bindings have the type and no getters")]
pub(super) fn parameter(parameter: &RTSPAuthParam) -> Option<(&str, &str)> {
    let parameter: *const ffi::GstRTSPAuthParam = parameter.to_glib_none().0;
    // SAFETY: the pointer is that of the borrowed parameter, whose texts live and stay as they are as long as it does.
    unsafe {
        let (name, value) = ((*parameter).name, (*parameter).value);
        if name.is_null() || value.is_null() {
            return None;
        }
        Some((CStr::from_ptr(name).to_str().ok()?, CStr::from_ptr(value).to_str().ok()?))
    }
}
