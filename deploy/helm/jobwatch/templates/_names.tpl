{{- define "jobwatch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* A Service's name begins with a letter, which a release's need not. */ -}}
{{- define "jobwatch.fullname" -}}
{{- $name := include "jobwatch.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- if not (regexMatch "^[a-z]" .Release.Name) }}{{ $full = printf "%s-%s" $name .Release.Name }}{{ end -}}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* Never changes in the life of a release: selectors cannot. */ -}}
{{- define "jobwatch.selectorLabels" -}}
app.kubernetes.io/name: {{ include "jobwatch.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "jobwatch.labels" -}}
{{ include "jobwatch.labelsWith" (list . dict) }}
{{- end -}}

{{- /* With labels of one document, which win over those of everything: a key may be there but once. */ -}}
{{- define "jobwatch.labelsWith" -}}
{{- $root := index . 0 -}}
{{- with merge (dict) (index . 1) ($root.Values.labels | default dict) }}{{ toYaml . }}
{{ end -}}
{{ include "jobwatch.ownLabels" $root }}
{{- end -}}

{{- define "jobwatch.ownLabels" -}}
{{ include "jobwatch.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "jobwatch.serviceAccountName" -}}
{{- $own := ternary (include "jobwatch.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end -}}

{{- /* The Secret that is mounted; empty where there is none. */ -}}
{{- define "jobwatch.secretName" -}}
{{- default (ternary (include "jobwatch.fullname" .) "" (not (empty .Values.secrets))) .Values.existingSecret -}}
{{- end -}}

{{- define "jobwatch.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{ end -}}
{{- end -}}
{{- end -}}
