{{- /* The release's name as a name of jobwatch: it is part of every event's id, so no default may change it later. */ -}}
{{- define "jobwatch.instance" -}}
{{- $name := regexReplaceAll "[^a-z0-9]+" (lower .Release.Name) "_" | trimAll "_" -}}
{{- ternary $name (printf "jobwatch_%s" $name) (regexMatch "^[a-z]" $name) -}}
{{- end -}}

{{- define "jobwatch.storePath" -}}
{{- dig "store" "path" "/var/lib/jobwatch/jobwatch.db" .Values.config -}}
{{- end -}}

{{- define "jobwatch.listen" -}}
{{- dig "http" "listen" "0.0.0.0:19870" .Values.config -}}
{{- end -}}

{{- define "jobwatch.port" -}}
{{- regexFind "[0-9]+$" (include "jobwatch.listen" .) -}}
{{- end -}}

{{- define "jobwatch.scheme" -}}
{{- ternary "HTTPS" "HTTP" (not (empty (dig "http" "tls" "" .Values.config))) -}}
{{- end -}}

{{- /* jobwatch.yaml. Keys that begin with x- held anchors, which are resolved by now. */ -}}
{{- define "jobwatch.config" -}}
{{- $written := dict -}}
{{- range $key, $value := .Values.config -}}
{{- if not (hasPrefix "x-" $key) }}{{ $_ := set $written $key $value }}{{ end -}}
{{- end -}}
{{- $given := dict
      "instance" (include "jobwatch.instance" .)
      "store" (dict "path" (include "jobwatch.storePath" .))
      "http" (dict "listen" (include "jobwatch.listen" .)) -}}
{{- toYaml (merge (deepCopy $written) $given) -}}
{{- end -}}

{{- /* Shared by probes, which differ in path and times. */ -}}
{{- define "jobwatch.probe" -}}
httpGet:
  path: {{ .path }}
  port: http
  scheme: {{ include "jobwatch.scheme" .root }}
{{ toYaml .times }}
{{- end -}}
