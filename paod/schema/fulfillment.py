"""The shape of what happens with an order: what a person does, and what machines do."""

from __future__ import annotations

from paod.model import limits
from paod.schema.parts import FREE, Schema, Variant, at_most, form, required, said, text

_SUMMARY = "Create PostgreSQL database {{ database_name }}"
_JIRA: Schema = {
    "type": "dict",
    "required": True,
    "allow_unknown": True,
    "schema": {
        "project": said(required(text(65_536)), "The key of the project.", "PLATFORM"),
        "issue_type": said(required(text(65_536)), "The type of the issue.", "Service Request"),
        "summary": said(required(text(65_536)), "The title of the issue; a template.", _SUMMARY),
    },
}
MANUAL = Variant(
    key="system",
    called="a fulfillment system",
    code="bad-value",
    common={
        "system": said(required({"type": "string"}), "The system that gets the order.", "email"),
        "template": said(
            required(FREE),
            "What the system is sent: any keys. Texts may hold {{ … }} over the form's fields, "
            "requester, catalog_item, parameters, steps, secrets and current_timestamp.",
            {"subject": _SUMMARY},
        ),
    },
    choices={
        "jira": {"template": said(_JIRA, "The issue: project, issue_type, summary, and others.")},
        "servicenow": {},
        "email": {},
        "webhook": {},
    },
    meanings={
        "jira": "An issue in Jira.",
        "servicenow": "A record in ServiceNow.",
        "email": "A mail.",
        "webhook": "A request to an address.",
    },
)

_DURATION: Schema = {"type": ["integer", "string"], "min": 1, "form": "duration"}
TIMEOUT = said(_DURATION, "How long it may take: seconds, or such as 30s, 10m, 1h30m.", "10m", 600)
RETRIES = said(
    {
        "type": "dict",
        "allow_unknown": True,
        "schema": {
            "max_attempts": said(
                {"type": "integer", "min": 1, "max": 100}, "How often it is tried at most.", 3
            )
        },
    },
    "How it is tried again; any keys beside max_attempts.",
    {"max_attempts": 3},
)

STEP: Schema = {
    "name": said(
        required(form("identifier")), "What the step is called; once in an automation.", "create"
    ),
    "type": said(
        {
            "type": "string",
            "required": True,
            "allowed": ["TerraformFile", "GitHubWorkflow", "HttpPost", "HttpPut", "JiraTicket"],
        },
        "What the step does.",
    ),
    "template": said(
        {"type": ["dict", "string"], "allow_unknown": True},
        "What the step is given: any keys, or a text. Texts may hold {{ … }}.",
        {"path": "databases/{{ database_name }}.tf"},
    ),
    "depends_on": said(
        at_most(limits.STEP_GOALS, {"type": "list", "unique": True, "schema": form("identifier")}),
        "Names of steps that must have ended before. No circles.",
        ["create"],
    ),
    "verification": said(FREE, "How to see that the step worked: any keys."),
    "retry_policy": RETRIES,
    "timeout": TIMEOUT,
}
FULFILLMENT: Schema = {
    "manual": said(
        {"type": "dict", "required": True, "variant": "manual"}, "What a person does with an order."
    ),
    "automation": said(
        {
            "type": "dict",
            "schema": {
                "steps": said(
                    {
                        "type": "list",
                        "required": True,
                        "maxlength": limits.STEPS,
                        "schema": {"type": "dict", "schema": STEP},
                    },
                    "What is done, each step when those that it depends on have ended.",
                ),
                "retry_policy": RETRIES,
                "timeout": TIMEOUT,
                "fallback_on_failure": said(
                    {"type": ["boolean", "string"], "form": "manual"},
                    "Whether a person takes over when a step fails: true, false or manual.",
                    True,
                ),
            },
        },
        "What machines do with an order.",
    ),
}
