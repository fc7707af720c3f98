{{- /* The name of all that is the operator's own. */ -}}
{{- define "tidemill.name" -}}
{{ printf "%s-operator" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Cluster-wide names: two releases may have the same name in two namespaces. */ -}}
{{- define "tidemill.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace (include "tidemill.name" .) }}
{{- end }}

{{- define "tidemill.selector" -}}
app.kubernetes.io/name: tidemill-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tidemill.labels" -}}
{{ include "tidemill.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: tidemill
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "tidemill.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* What the operator may do where it looks after Pipelines, and nothing more: it reads the resources and what they refer
to, writes their status, and looks after what it makes of a Pipeline. */ -}}
{{- define "tidemill.rules" -}}
- apiGroups: [tidemill.io]
  resources: [pipelines, alertrules, sinks]
  verbs: [get, list, watch]
- apiGroups: [tidemill.io] # its finalizer, and the number of workers that `autoscale` has chosen
  resources: [pipelines]
  verbs: [patch]
- apiGroups: [tidemill.io]
  resources: [pipelines/status, alertrules/status, sinks/status]
  verbs: [patch]
- apiGroups: [tidemill.io] # to own what it makes; Kubernetes asks for "update" here, and there is nothing to update
  resources: [pipelines/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""] # workers, and the credentials that manifests name: never written
  resources: [pods, secrets]
  verbs: [get, list, watch]
- apiGroups: [""] # an annotation, which makes a kubelet hand a live edit to a worker at once; by way of the status nothing of what a pod runs can be changed
  resources: [pods/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
